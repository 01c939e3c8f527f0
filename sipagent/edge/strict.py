"""What a worker's SIP stack drops without a word: refused here, where the sender hears of it.

A worker that was given such an INVITE would wait for it in vain. The grammar is RFC 3261 section
25.1 as pjsip reads it, found by sending it 10,000 damaged INVITEs: what it takes is let through.
White space is folded to single spaces first, so that no pattern has to look at it twice.
"""

import re

from .headers import Bad, split
from .message import Message

_TOKEN = rb"[A-Za-z0-9.!%*_+`'~-]+"
_QUOTED = rb'"(?:[^"\\]|\\.)*"'
_BRACKETS = rb"\[[0-9A-Fa-f:.]*\]"
_PARAMS = rb"(?: ?; ?%b(?: ?= ?(?:%b|%b|(?:%b)?))?)*" % (_TOKEN, _QUOTED, _BRACKETS, _TOKEN)
_VIA_PARAMS = _PARAMS.replace(_TOKEN, rb"[A-Za-z0-9.!%*_+`'~:\[\]-]+")
_URI_CHARS = rb"[A-Za-z0-9._!~*'()%\[\]/:&+$-]"
_URI = re.compile(
    rb"sips?:(?:[A-Za-z0-9._!~*'()%%&=+$,;?/#-]+(?::[A-Za-z0-9._!~*'()%%&=+$,-]+)?@)?"
    rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]+)?"
    rb"(?:;%b+(?:=(?:%b|%b*))?)*(?:\?[A-Za-z0-9._!~*'()%%\[\]/?:+$=&-]+)?"
    % (_URI_CHARS, _QUOTED, _URI_CHARS),
    re.IGNORECASE,
)
_OTHER_URI = re.compile(rb"(?!sips?:)[A-Za-z][A-Za-z0-9.+-]*:[!-;=?-~]+", re.IGNORECASE)
_ADDRESS = re.compile(
    rb"(?:(?:%b|[^ :<\"][^:<\"]*)? ?<([^<> ]+)>|([^ ;<>\",?]+))%b" % (_QUOTED, _PARAMS)
)
_VIA = re.compile(
    rb"SIP ?/ ?2\.0 ?/ ?[A-Z0-9-]+ [^ ;,]+(?: ?: ?[0-9]+)?%b" % _VIA_PARAMS, re.IGNORECASE
)
_MEDIA_TYPE = re.compile(rb"%b ?/ ?%b%b" % (_TOKEN, _TOKEN, _PARAMS))
_SECONDS = re.compile(rb"[0-9]{1,10}%b" % _PARAMS)
_NUMBER = re.compile(rb"[0-9]{1,10}")
#: headers of one value
_SHAPES = {
    b"content-type": _MEDIA_TYPE,
    b"session-expires": _SECONDS,
    b"min-se": _SECONDS,
    b"expires": _NUMBER,
    b"min-expires": _NUMBER,
}
_ONE_ADDRESS = (b"from", b"to")
_ADDRESSES = (b"contact", b"record-route")
_LISTS = (b"allow", b"supported", b"require", b"unsupported", b"accept")


def check_readable(request: Message) -> None:
    """Raises Bad for a request a worker's stack would not read."""
    if not _URI.fullmatch(request.uri):
        raise Bad("malformed request URI")
    for key, value, line in request.headers:
        if b"\0" in line:
            raise Bad("a NUL ends what a worker reads")
        if not _is_readable(key, b" ".join(value.split())):
            raise Bad(f"malformed {key.decode()}")


def _is_readable(key: bytes, value: bytes) -> bool:
    if key in _ONE_ADDRESS:
        return _is_address(value)
    if key in _ADDRESSES:
        return all(map(_is_address, split(value)))
    if key == b"via":
        return all(map(_VIA.fullmatch, split(value)))
    if key in _LISTS:
        return not value or all(split(value))
    shape = _SHAPES.get(key)
    return shape is None or shape.fullmatch(value) is not None


def _is_address(value: bytes) -> bool:
    match = _ADDRESS.fullmatch(value)
    uri = (match[1] or match[2]) if match is not None else b""
    return bool(_URI.fullmatch(uri) or _OTHER_URI.fullmatch(uri))
