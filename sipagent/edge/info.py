"""INFO within a dialog (RFC 6086): keys in both forms become the one a worker's stack reads."""

import re

from .message import Message, header
from .responses import Final

_RELAY = b"application/dtmf-relay"
_BARE = b"application/dtmf"
_SIGNAL = re.compile(rb"^\s*Signal\s*=[ \t]*([0-9A-Da-d*#!]+)[ \t]*\r?$", re.IGNORECASE | re.M)
_DURATION = re.compile(rb"^\s*Duration\s*=[ \t]*([0-9]{1,5})", re.IGNORECASE | re.M)
#: some write the event codes of RFC 4733 in place of the keys
_CODES = {b"%d" % code: bytes((key,)) for code, key in enumerate(b"*#ABCD", 10)}
#: the hook, which is no key
_FLASH = (b"16", b"!")
_KEYS = b"0123456789*#ABCD"


def read_info(request: Message) -> Final | None:
    """The answer to an INFO no worker need see; None for a key, which is rewritten in place."""
    if request.get(b"info-package") is not None:
        # we named no package in any Recv-Info (RFC 6086 section 4.2.2)
        return Final(469, (header(b"Recv-Info", b"nil"),))
    if not request.body.strip():
        return Final(200)
    kind = request.text(b"content-type").partition(b";")[0].strip().lower()
    if kind not in (_RELAY, _BARE):
        return Final(415, (header(b"Accept", _RELAY + b", " + _BARE),))
    found = _SIGNAL.search(request.body)
    signal = found[1] if found else request.body.strip() if kind == _BARE else b""
    if signal in _FLASH:
        return Final(200)
    key = _CODES.get(signal, signal).upper()
    if len(key) != 1 or key not in _KEYS:
        return Final(400)
    told = _DURATION.search(request.body)
    request.body = b"Signal=%b\r\nDuration=%b\r\n" % (key, told[1] if told else b"160")
    request.replace(b"content-type", header(b"Content-Type", _RELAY))
    request.replace(b"content-length", header(b"Content-Length", b"%d" % len(request.body)))
    return None
