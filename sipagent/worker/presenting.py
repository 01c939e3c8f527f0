"""Presenting: who we say is calling, by the rules of a trunk (RFC 3323, RFC 3325). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import quote

from sipagent.call.numbers import number_of
from sipagent.config import Trunk

_ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
#: what RFC 3261 section 25.1 lets a user part hold as it is
_USER = "-_.!~*'()&=+$,;?/"


@dataclass(frozen=True, slots=True)
class Presented:
    """`from_` is a user part, a whole `<sip:...>`, or None for our usual name."""

    from_: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


def present(trunk: Trunk, wanted: str | None, inherited: Mapping[str, str]) -> Presented:
    """From and the headers beside it for a call by `trunk`.

    `wanted` is what the plan asks to show (a number, a URI or `anonymous`); one the trunk does
    not permit gives way to the trunk's own. `inherited` are the headers of the caller's INVITE.
    """
    user = number_of(wanted) if wanted else ""
    hidden = trunk.hide_caller or user.lower() == "anonymous"
    number = _permitted(trunk, "" if user.lower() == "anonymous" else user)
    shown = trunk.numbers.shown(number) if trunk.numbers else number
    domain = trunk.from_domain or (trunk.host if trunk.registration else None)
    headers = _passed(trunk, inherited)
    if domain is not None and shown:
        identity = f"<sip:{quote(shown, safe=_USER)}@{_bracketed(domain)}>"
    else:
        identity = shown
    if (trunk.assert_identity or hidden) and shown:
        asserted = (
            identity if domain else f"<sip:{quote(shown, safe=_USER)}@{_bracketed(trunk.host)}>"
        )
        headers["P-Asserted-Identity"] = asserted
    if hidden:
        headers["Privacy"] = "id"
        return Presented(_ANONYMOUS, headers)
    return Presented(identity or None, headers)


def _permitted(trunk: Trunk, user: str) -> str:
    """The number shown: the wanted one where the trunk's patterns allow it, else its own."""
    own = trunk.caller_id or (trunk.username if trunk.registration else None) or ""
    if not user:
        return own
    public = trunk.numbers.e164(user) if trunk.numbers else user
    allowed = not trunk.caller_ids or any(fnmatchcase(public, p) for p in trunk.caller_ids)
    return user if allowed else own


def _passed(trunk: Trunk, inherited: Mapping[str, str]) -> dict[str, str]:
    """Headers of the caller's INVITE that this trunk is to see: Diversion, History-Info ..."""
    names = {name.lower() for name in trunk.pass_headers}
    return {name: value for name, value in inherited.items() if name.lower() in names}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
