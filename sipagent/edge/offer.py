"""Session offers as a worker's SIP stack gets them: some it dies of, some in another order."""

import re
from collections.abc import Sequence

from .headers import Bad
from .message import Message, header

#: keys by DTLS (RFC 5764): pjsip 2.15 answers 480 to an offer of them and then crashes
_DEADLY = re.compile(rb"^m=\S+[ \t]+\S+[ \t]+(?:UDP|TCP)/D?TLS/", re.IGNORECASE | re.MULTILINE)

_AUDIO = re.compile(rb"^(m=audio \S+ \S+)((?: \d+)+)", re.MULTILINE)
_MAP = re.compile(rb"^a=rtpmap:(\d+) ([^/\s]+)", re.MULTILINE)
#: payload types that need no rtpmap (RFC 3551 section 6)
_STATIC = {b"0": b"PCMU", b"8": b"PCMA", b"9": b"G722"}
_NAMELESS = re.compile(rb"(\n)s= ?(\r?\n)")
_SDP = (b"application/sdp", b"application/*", b"*/*")


def check_offer(request: Message) -> None:
    """Raises Bad with 488 (RFC 3261 section 21.4.26) for a body no worker may see, and with 406
    for an INVITE whose sender takes no SDP (section 20.1).
    """
    if request.method == b"INVITE" and not _takes_sdp(request.values(b"accept")):
        raise Bad("SDP is not acceptable", 406)
    if request.body and _DEADLY.search(request.body.replace(b"\r", b"\n")):
        raise Bad("media secured by DTLS is not supported", 488)


def prefer(request: Message, codecs: Sequence[str]) -> None:
    """Put these codecs first in the offer: a worker's stack takes the first it knows, and whose
    order counts is for the answerer to say (RFC 3264 section 6.1).
    """
    found = _AUDIO.search(request.body)
    if found is None or not codecs:
        return
    names = _STATIC | {number: name.upper() for number, name in _MAP.findall(request.body)}
    order = {codec.encode(): place for place, codec in enumerate(codecs)}
    payloads = found[2].split()
    payloads.sort(key=lambda number: order.get(names.get(number, b""), len(order)))
    start, end = found.span(2)
    request.body = b"%b %b%b" % (request.body[:start], b" ".join(payloads), request.body[end:])


def name_session(request: Message) -> None:
    """Give a session without a name the one RFC 4566 section 5.3 proposes: a worker's stack
    refuses the empty `s=` that some phones send.
    """
    if not request.body.startswith(b"v="):
        return
    named, count = _NAMELESS.subn(rb"\1s=-\2", request.body, count=1)
    if count:
        request.body = named
        request.replace(b"content-length", header(b"Content-Length", b"%d" % len(named)))


def _takes_sdp(accepted: Sequence[bytes]) -> bool:
    kinds = {kind.partition(b";")[0].strip().lower() for kind in accepted if kind}
    return not kinds or not kinds.isdisjoint(_SDP)
