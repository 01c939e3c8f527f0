"""SIP messages as bytes: read what routing needs, edit single lines, leave the rest untouched."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from .headers import Bad, NameAddr, Via, parse_name_addr, parse_via, split

_COMPACT = {
    b"a": b"accept-contact",
    b"b": b"referred-by",
    b"c": b"content-type",
    b"d": b"request-disposition",
    b"e": b"content-encoding",
    b"f": b"from",
    b"i": b"call-id",
    b"j": b"reject-contact",
    b"k": b"supported",
    b"l": b"content-length",
    b"m": b"contact",
    b"o": b"event",
    b"r": b"refer-to",
    b"s": b"subject",
    b"t": b"to",
    b"u": b"allow-events",
    b"v": b"via",
    b"x": b"session-expires",
    b"y": b"identity",
}
#: usual spellings, looked up before anything is lowered or checked
_KNOWN = {
    name: name.lower()
    for name in (
        b"Via Record-Route Route From To Call-ID CSeq Contact Max-Forwards Content-Type "
        b"Content-Length Allow Supported User-Agent Server Require Expires Accept "
        b"Session-Expires Min-SE Authorization Proxy-Authorization Reason"
    ).split()
}
_NAME = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]+")
_METHOD = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_FOLD = re.compile(rb"\r\n[ \t]+")
_LINE_END = re.compile(rb"\r\n(?![ \t])")
#: a NUL as a quoted string may have it (RFC 3261 section 25.1, quoted-pair)
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\\0")
_CSEQ = re.compile(rb"([0-9]{1,10})\s+(\S+)")
#: headers of one message, and bytes of one header; above: 513
MOST_HEADERS = 200
LONGEST_HEADER = 8_192
_ONCE = (b"from", b"to", b"call-id", b"cseq")
_AT_MOST_ONCE = (b"max-forwards", b"content-length", b"content-type", b"replaces")


class Header(NamedTuple):
    """One header field. `key` is the full name in lower case, `line` the bytes on the wire."""

    key: bytes
    value: bytes
    line: bytes


def header(name: bytes, value: bytes) -> Header:
    """A header field of our own."""
    return Header(name.lower(), value, name + b": " + value)


class CSeq(NamedTuple):
    """Sequence number and method (RFC 3261 section 20.16)."""

    number: int
    method: bytes


class Message:
    """A request (`status` 0) or a response. Order of headers is the order on the wire."""

    __slots__ = ("_cseq", "_from", "_to", "body", "headers", "method", "start", "status", "uri")

    def __init__(self, start: bytes, headers: list[Header], body: bytes = b"") -> None:
        self.start = start
        self.headers = headers
        self.body = body
        self.method = b""
        self.uri = b""
        self.status = 0
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None

    @property
    def is_request(self) -> bool:
        """False for a response."""
        return self.status == 0

    def get(self, key: bytes) -> bytes | None:
        """The value of the first header of that name."""
        for name, value, _ in self.headers:
            if name == key:
                return value
        return None

    def text(self, key: bytes) -> bytes:
        """The value of the first header of that name, empty when there is none."""
        return self.get(key) or b""

    def values(self, key: bytes) -> list[bytes]:
        """All values of a header that is a comma-separated list. Raises Bad."""
        return [v for name, value, _ in self.headers if name == key for v in split(value)]

    def remove(self, keys: Iterable[bytes]) -> None:
        """Drop all headers of these names."""
        gone = frozenset(keys)
        self.headers = [h for h in self.headers if h.key not in gone]

    def replace(self, key: bytes, new: Header) -> None:
        """Put `new` in place of the first header of that name, or last when there is none."""
        for index, old in enumerate(self.headers):
            if old.key == key:
                self.headers[index] = new
                return
        self.headers.append(new)

    def set_uri(self, uri: bytes) -> None:
        """Retarget a request."""
        self.uri = uri
        self.start = b"%b %b SIP/2.0" % (self.method, uri)

    def copy(self) -> "Message":
        """A message that can be edited without touching this one."""
        other = Message(self.start, list(self.headers), self.body)
        other.method, other.uri, other.status = self.method, self.uri, self.status
        other._from, other._to, other._cseq = self._from, self._to, self._cseq
        return other

    def __bytes__(self) -> bytes:
        lines = [self.start, *(h.line for h in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    # What every message has. From, To and CSeq are read once: nobody edits them on the way.

    @property
    def call_id(self) -> bytes:
        """Call-ID."""
        return self.text(b"call-id")

    @property
    def cseq(self) -> CSeq:
        """CSeq. Raises Bad."""
        if self._cseq is None:
            match = _CSEQ.fullmatch(self.text(b"cseq"))
            if match is None or int(match[1]) >= 2**31:
                raise Bad("malformed CSeq")
            self._cseq = CSeq(int(match[1]), match[2])
        return self._cseq

    @property
    def from_(self) -> NameAddr:
        """From. Raises Bad."""
        if self._from is None:
            self._from = parse_name_addr(self.text(b"from"))
        return self._from

    @property
    def to(self) -> NameAddr:
        """To. Raises Bad."""
        if self._to is None:
            self._to = parse_name_addr(self.text(b"to"))
        return self._to

    @property
    def via(self) -> Via:
        """The topmost Via value. Raises Bad."""
        return parse_via(split(self.text(b"via"))[0])

    def replace_top_via(self, value: bytes) -> None:
        """Change the topmost Via value only; others on the same line stay."""
        rest = split(self.text(b"via"))[1:]
        self.replace(b"via", header(b"Via", b", ".join([value, *rest])))

    def pop_via(self) -> None:
        """Take the topmost Via value away, as a proxy does with a response."""
        for index, old in enumerate(self.headers):
            if old.key == b"via":
                rest = split(old.value)[1:]
                self.headers[index : index + 1] = [header(b"Via", b", ".join(rest))] if rest else []
                return


class BadMessage(Bad):
    """A message wrong in itself whose headers could still be told apart: it can be answered."""

    def __init__(self, cause: Bad, message: Message) -> None:
        super().__init__(cause.reason, cause.status)
        self.message = message


def parse(data: bytes, limit: int = 65_535) -> Message:
    """Read one whole message of at most `limit` bytes.

    Raises Bad, and BadMessage where an answer may be possible. Bytes behind Content-Length are
    dropped (RFC 3261 section 18.3); without that header the body is all there is.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise Bad("headers never end")
    message = Message(b"", _headers(head), body)
    message.start = head[: head.index(b"\r\n")]
    try:
        _start_line(message)
        if stray_line_ends(head):
            raise Bad("stray CR, LF or NUL")
        _check(message, limit)
        if len(data) > limit:
            raise Bad("message too large", 513)
    except Bad as error:
        raise BadMessage(error, message) from error
    return message


def _headers(head: bytes) -> list[Header]:
    _, _, rest = head.partition(b"\r\n")
    if not rest or rest[:1] in b" \t":
        raise Bad("no headers")
    headers = []
    folded = b"\r\n " in rest or b"\r\n\t" in rest
    for line in _LINE_END.split(rest) if folded else rest.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            raise Bad("header without colon")
        key = _KNOWN.get(name)
        if key is None:
            name = name.rstrip()
            if not _NAME.fullmatch(name):
                raise Bad("malformed header name")
            key = name.lower()
            key = _COMPACT.get(key, key)
        headers.append(Header(key, value.replace(b"\r\n", b"").strip(), line))
    return headers


def stray_line_ends(text: bytes) -> bool:
    """True where a lone CR, LF or NUL ends a line for some parsers and not for others: headers
    could be smuggled past this one.
    """
    ends = text.count(b"\r\n")
    if text.count(b"\n") != ends or text.count(b"\r") != ends:
        return True
    return b"\0" in text and text.count(b"\0") != len(_ESCAPED_NUL.findall(text))


def _start_line(message: Message) -> None:
    start = message.start
    if start[:4].upper() == b"SIP/" and b" " in start:
        version, code = start.split(b" ", 2)[:2]
        message.status = 400  # whatever it is, it is not a request and gets no answer
        if version.upper() != b"SIP/2.0":
            raise Bad("SIP version not supported", 505)
        if len(code) != 3 or not code.isdigit() or not 100 <= int(code) <= 699:
            raise Bad("malformed status line")
        message.status = int(code)
        return
    parts = start.split(b" ")
    message.method = parts[0]
    if len(parts) != 3 or not _METHOD.fullmatch(parts[0]) or not parts[1]:
        raise Bad("malformed request line")
    if parts[2].upper() != b"SIP/2.0":
        versioned = parts[2].upper().startswith(b"SIP/")
        raise Bad("SIP version not supported", 505) if versioned else Bad("malformed request line")
    message.uri = parts[1]


def _check(message: Message, limit: int) -> None:
    if len(message.headers) > MOST_HEADERS:
        raise Bad("too many headers", 513)
    if any(len(h.line) > LONGEST_HEADER for h in message.headers):
        raise Bad("a header too long", 513)
    seen = [h.key for h in message.headers]
    for key in _ONCE:
        if seen.count(key) != 1:
            raise Bad(f"{key.decode()} must stand exactly once")
    for key in _AT_MOST_ONCE:
        if seen.count(key) > 1:
            raise Bad(f"{key.decode()} must not stand twice")
    vias = message.values(b"via")
    if not vias:
        raise Bad("no Via")
    for via in vias:
        parse_via(via)
    if not message.call_id:
        raise Bad("empty Call-ID")
    if message.is_request and message.cseq.method != message.method:
        raise Bad("CSeq names another method")
    message.body = _body(message, limit)
    _ = message.cseq, message.from_.tag, message.to.tag


def _body(message: Message, limit: int) -> bytes:
    length = message.get(b"content-length")
    if length is None:
        return message.body
    if not length.isdigit() or len(length) > 9:
        raise Bad("malformed Content-Length")
    if int(length) > len(message.body):
        raise Bad("Content-Length beyond the end", 513 if int(length) > limit else 400)
    return message.body[: int(length)]


def content_length(head: bytes) -> int:
    """Content-Length of a header block on a stream, 0 when absent. Raises Bad."""
    for line in _FOLD.sub(b" ", head).split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l"):
            digits = value.strip()
            if not digits.isdigit() or len(digits) > 9:
                raise Bad("malformed Content-Length")
            return int(digits)
    return 0
