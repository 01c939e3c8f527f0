"""Targets: every way to write a destination, brought to one form before anything judges it."""

import re
from collections.abc import Collection
from ipaddress import IPv6Address
from urllib.parse import unquote

from sipagent.errors import CallError

_NUMBER = re.compile(r"^\+?[0-9][0-9().\s/-]*$")
_SIP = re.compile(
    r"^(?P<scheme>sips?):(?:(?P<user>[^@\s]+)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<params>(?:;[^?\s]*)?)(?P<headers>(?:\?\S*)?)$",
    re.IGNORECASE,
)
_TRANSPORT = re.compile(r";transport=(udp|tcp|tls)(?=[;?]|$)", re.IGNORECASE)
_DIGITS_ONLY = re.compile(r"[^0-9+]")
#: the host of a phone of our own, `sip:201@phones`: found by its registration, not by any name
PHONES = "phones"
#: places where calls meet, as a policy lists them: `queue:support`, `conference:*`, `park:701`
_MEETING = re.compile(r"(queue|conference|park|web):([A-Za-z0-9_.+-]{1,64})", re.IGNORECASE)
#: a page that listens by a name, `web:alice`; it keeps its form, too
WEB = "web:"
_UNSAFE = re.compile(r"[\x00-\x20<>\"]")


class BadTarget(CallError):
    """Not a destination anybody could call."""

    status = 484


def normalise(target: str, extensions: Collection[str] = ()) -> str:
    """Bring a destination to its one form: `sip:user@host[:port]` or `tel:+digits`; a number among
    the `extensions` of our own phones is `sip:201@phones`. A meeting place and a browser
    (`web:alice`) keep their form.

    Escapes are undone, case of scheme and host folded, URI parameters, passwords and embedded
    headers dropped (RFC 3261 section 19.1.1), separators in numbers removed (RFC 3966 section
    5.1.1). Raises BadTarget.
    """
    text = target.strip()
    if meeting := _MEETING.fullmatch(text):
        return f"{meeting[1].lower()}:{meeting[2]}"
    if text.lower().startswith("tel:"):
        text = text[4:].split(";")[0]
    if _NUMBER.match(text):
        number = _DIGITS_ONLY.sub("", text)
        return f"sip:{number}@{PHONES}" if number in extensions else f"tel:{number}"
    if "@" in text and not text.lower().startswith(("sip:", "sips:")) and ":" not in text:
        text = f"sip:{text}"
    found = _SIP.match(text)
    if not found:
        raise BadTarget(f"{target!r} is neither a SIP URI nor a number")
    user = unquote((found["user"] or "").split(":")[0].split(";")[0])
    if _UNSAFE.search(user) or "@" in user:
        raise BadTarget(f"{target!r} has characters no SIP user part may hold")
    if found["port"] and not 0 < int(found["port"]) < 65536:
        raise BadTarget(f"{target!r} has no valid port")
    host = _host(found["host"], target)
    port = f":{found['port']}" if found["port"] and found["port"] != "5060" else ""
    at = f"{user}@" if user else ""
    return f"{found['scheme'].lower()}:{at}{host}{port}"


def _host(text: str, target: str) -> str:
    """Lower case, without a final dot; an IPv6 address in its shortest form (RFC 5952)."""
    if not text.startswith("["):
        return text.lower().rstrip(".")
    try:
        return f"[{IPv6Address(text[1:-1])}]"
    except ValueError:
        raise BadTarget(f"{target!r} has no valid address") from None


def routable(target: str) -> str:
    """A destination in its one form, and by which transport it wants to be reached where it says
    so: what a policy allows is a place, this is the way there. Raises BadTarget.
    """
    known = normalise(target)
    wanted = _TRANSPORT.search(target)
    if wanted is None or not known.startswith("sip:"):
        return known
    return f"{known};transport={wanted[1].lower()}"
