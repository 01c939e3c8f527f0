"""Responses of our own, made from the request they answer (RFC 3261 section 8.2.6)."""

from dataclasses import dataclass

from .headers import Bad
from .message import Header, Message, header, stray_line_ends

PHRASES = {
    100: "Trying",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    505: "Version Not Supported",
    513: "Message Too Large",
}
METHODS = b"INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE"
ALLOW = header(b"Allow", METHODS)
#: option tags a worker's stack understands
SUPPORTED = frozenset((b"replaces", b"timer", b"100rel", b"norefersub"))
CAPABILITIES = (
    ALLOW,
    header(b"Accept", b"application/sdp"),
    header(b"Supported", b", ".join(sorted(SUPPORTED))),
)
_COPIED = (b"via", b"from", b"to", b"call-id", b"cseq")
_EMPTY = header(b"Content-Length", b"0")


@dataclass(frozen=True, slots=True)
class Final:
    """A final answer of our own, in place of a worker's."""

    status: int
    extra: tuple[Header, ...] = ()
    reason: str = ""


def retry_after(seconds: int) -> Header:
    """When whoever got a 503 should come again (RFC 3261 section 20.33)."""
    return header(b"Retry-After", b"%d" % seconds)


def unsupported(request: Message) -> tuple[Header, ...]:
    """What goes with a 420 to it (RFC 3261 8.2.2.3 and 16.3 step 5), nothing when all it requires
    is supported. Raises Bad.
    """
    wanted = [v for v in request.values(b"require") if v and v.lower() not in SUPPORTED]
    wanted += [v for v in request.values(b"proxy-require") if v]
    return (header(b"Unsupported", b", ".join(wanted)),) if wanted else ()


def response(
    request: Message,
    status: int,
    reason: str = "",
    *,
    tag: bytes = b"",
    extra: tuple[Header, ...] = (),
) -> Message:
    """A response without a body to `request` (or in place of another response to it).

    `tag` goes into a To that has none; 100 takes none.
    """
    headers: list[Header] = []
    seen: set[bytes] = set()
    for item in request.headers:
        # a header of a bad request may spoil the response too
        if item.key not in _COPIED or item.key in seen or stray_line_ends(item.line):
            continue
        if item.key != b"via":
            seen.add(item.key)
        if item.key == b"to" and status > 100 and tag and not _has_tag(request):
            headers.append(header(b"To", item.value + b";tag=" + tag))
        else:
            headers.append(item)
    phrase = reason or PHRASES.get(status, "")
    # a reason may hold words of a person or a far end: one line, whatever it was
    start = f"SIP/2.0 {status} {' '.join(phrase.split())}".encode()
    made = Message(start, [*headers, *extra, _EMPTY])
    made.status = status
    return made


def _has_tag(request: Message) -> bool:
    try:
        return bool(request.to.tag)
    except Bad:
        return False
