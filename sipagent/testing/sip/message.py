"""SIP messages as text: parsing, fields and writing (RFC 3261 sections 7 and 20)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

Headers = Sequence[tuple[str, str]]

_COMPACT = {
    "v": "Via",
    "f": "From",
    "t": "To",
    "i": "Call-ID",
    "m": "Contact",
    "l": "Content-Length",
    "c": "Content-Type",
    "k": "Supported",
    "r": "Refer-To",
    "b": "Referred-By",
    "x": "Session-Expires",
    "s": "Subject",
    "e": "Content-Encoding",
    "o": "Event",
    "u": "Allow-Events",
}
_FOLD = re.compile(r"\r\n[ \t]+")
_URI = re.compile(
    r"^sips?:(?:(?P<user>[^@>]*)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^:;?>]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<params>(?:;[^?>]*)?)",
    re.IGNORECASE,
)


class BadMessage(ValueError):
    """Bytes that are not a SIP message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses share. `Content-Length` is written, never kept."""

    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def start_line(self) -> str:
        """The first line, without its end."""
        return ""

    def get(self, name: str, default: str = "") -> str:
        """The first header of that name."""
        wanted = name.lower()
        return next((v for n, v in self.headers if n.lower() == wanted), default)

    def all(self, name: str) -> list[str]:
        """Every value of a header that may be a list (Via, Route, Record-Route, Contact)."""
        wanted = name.lower()
        return [x for n, v in self.headers if n.lower() == wanted for x in split_commas(v)]

    @property
    def cseq(self) -> tuple[int, str]:
        """The CSeq number and method."""
        number, _, method = self.get("CSeq").partition(" ")
        return int(number), method.strip()

    def __bytes__(self) -> bytes:
        lines = [self.start_line, *(f"{name}: {value}" for name, value in self.headers)]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True, slots=True)
class Request(Message):
    """A request."""

    method: str = ""
    uri: str = ""

    @property
    def start_line(self) -> str:
        """`INVITE sip:... SIP/2.0`."""
        return f"{self.method} {self.uri} SIP/2.0"

    def reply(
        self, status: int, reason: str = "", *, to_tag: str = "", headers: Headers = ()
    ) -> "Response":
        """A response to it, with the fields RFC 3261 section 8.2.6.2 copies."""
        to = self.get("To")
        if to_tag and not tag(to):
            to += f";tag={to_tag}"
        copied = [("Via", via) for via in self.all("Via")]
        if 100 < status < 300:
            copied += [("Record-Route", route) for route in self.all("Record-Route")]
        copied += [("From", self.get("From")), ("To", to)]
        copied += [("Call-ID", self.get("Call-ID")), ("CSeq", self.get("CSeq"))]
        return Response((*copied, *headers), status=status, reason=reason or phrase(status))


@dataclass(frozen=True, slots=True)
class Response(Message):
    """A response."""

    status: int = 0
    reason: str = ""

    @property
    def start_line(self) -> str:
        """`SIP/2.0 200 OK`."""
        return f"SIP/2.0 {self.status} {self.reason}"


def parse(data: bytes) -> Request | Response:
    """Read one message. Raises BadMessage."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise BadMessage("no end of headers")
    lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    headers = tuple(_header(line) for line in lines[1:])
    length = next((v for n, v in headers if n == "Content-Length"), str(len(body)))
    if not length.isdigit() or int(length) > len(body):
        raise BadMessage(f"Content-Length {length}, but the body has {len(body)} bytes")
    kept = tuple((n, v) for n, v in headers if n != "Content-Length")
    message = _started(lines[0], kept, body[: int(length)])
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not message.get(name):
            raise BadMessage(f"no {name}")
    if not message.get("CSeq").split(" ")[0].isdigit():
        raise BadMessage("CSeq has no number")
    return message


def _started(line: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Request | Response:
    parts = line.split(" ", 2)
    if len(parts) < 2:
        raise BadMessage(f"start line {line!r}")
    if parts[0] == "SIP/2.0":
        if not (parts[1].isdigit() and 100 <= int(parts[1]) < 700):
            raise BadMessage(f"status line {line!r}")
        return Response(headers, body, int(parts[1]), parts[2] if len(parts) > 2 else "")
    if len(parts) != 3 or parts[2] != "SIP/2.0":
        raise BadMessage(f"request line {line!r}")
    return Request(headers, body, parts[0], parts[1])


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise BadMessage(f"header line {line!r}")
    name = name.strip()
    if name.lower() == "content-length":
        name = "Content-Length"
    return _COMPACT.get(name.lower(), name), value.strip()


def split_commas(value: str) -> list[str]:
    """Split a header list at commas outside quotes and angle brackets."""
    parts, start, quoted, angled = [], 0, False, False
    for index, char in enumerate(value):
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "<>":
            angled = char == "<"
        elif char == "," and not quoted and not angled:
            parts.append(value[start:index].strip())
            start = index + 1
    return [*parts, value[start:].strip()]


def address_uri(value: str) -> str:
    """The URI of a From, To, Contact, Route or Refer-To value."""
    if "<" in value:
        return value.split("<", 1)[1].split(">", 1)[0]
    return value.split(";", 1)[0].strip()


def params(value: str) -> dict[str, str]:
    """The header parameters of a value (outside its angle brackets), names in lower case."""
    tail = value.rsplit(">", 1)[-1] if ">" in value else value
    found = {}
    for part in tail.split(";")[1 if ">" not in value else 0 :]:
        name, _, text = part.partition("=")
        if name.strip():
            found[name.strip().lower()] = text.strip().strip('"')
    return found


def tag(value: str) -> str:
    """The tag of a From or To value, or the empty string."""
    return params(value).get("tag", "")


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI taken apart; port 0 where none is written."""

    user: str
    host: str
    port: int
    params: dict[str, str]


def uri(text: str) -> Uri:
    """Take a `sip:` URI apart. Raises BadMessage."""
    found = _URI.match(text)
    if not found:
        raise BadMessage(f"{text!r} is not a SIP URI")
    return Uri(
        found["user"] or "", found["host"], int(found["port"] or 0), params("x" + found["params"])
    )


_PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}


def phrase(status: int) -> str:
    """The reason phrase RFC 3261 section 21 gives a status."""
    return _PHRASES.get(status, "Status")
