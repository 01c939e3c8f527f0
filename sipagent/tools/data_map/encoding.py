"""Values put into URLs and forms."""

import re
from urllib.parse import urlsplit

from sipagent.errors import PlanError

from .grammar import parse

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/,$!'()*-._~")
_ESCAPED = re.compile(rb"%[0-9A-F]{2}")
#: what cannot stand in a URL at all
_IMPOSSIBLE = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")


def url_encoded(text: str) -> str:
    """`enc:`, as the vendor's platform does it: `/` and `,` stay, and so does what is encoded
    already.
    """
    raw = text.encode("utf-8", "replace")
    parts = []
    for index, byte in enumerate(raw):
        keep = byte in _PLAIN or _ESCAPED.match(raw, index)
        parts.append(chr(byte) if keep else f"%{byte:02X}")
    return "".join(parts)


def url_part(text: str) -> str:
    """A value put into a URL as it is, but for what cannot stand in one."""
    return _IMPOSSIBLE.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace")), text
    )


def checked_url(template: str, url: str) -> str:
    """A filled URL. Raises PlanError where it is none, or where a value has reached beyond its
    place in the host that is written out in the template.
    """
    try:
        filled = urlsplit(url)
    except ValueError as error:
        raise PlanError("the url of a webhook is no URL") from error
    if filled.scheme not in ("http", "https") or not filled.hostname:
        raise PlanError("the url of a webhook is no http or https URL")
    scheme, mark, rest = template.partition("://")
    # a template that begins with a value leaves the whole address to it
    if mark and "{" not in scheme and not _beginning(rest).match(url.partition("://")[2]):
        raise PlanError("a value has changed the host in the url of a webhook")
    return url


def _beginning(rest: str) -> re.Pattern[str]:
    """User, host and port of a template, when values keep to their place."""
    pattern = ""
    for node in parse(rest):
        if not isinstance(node, str):
            # a dot after the beginning would put the host into another domain
            pattern += r"[^/?#@:.\\]*" if pattern else r"[^/?#@:\\]*"
            continue
        literal = re.split(r"[/?#]", node, maxsplit=1)
        pattern += re.escape(literal[0])
        if len(literal) > 1:
            break
    return re.compile(pattern + r"(?:[/?#]|$)")
