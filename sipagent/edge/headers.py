"""Header values a proxy must understand: lists, parameters, URIs, name-addrs, Vias."""

import re
from dataclasses import dataclass
from functools import lru_cache

from sipagent.errors import SipAgentError


class Bad(SipAgentError):
    """Bytes that are not SIP we can route. `status` is what the sender hears, if anything."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


#: values that are not read anew: those of a message are asked for several times over
_KNOWN = 256
_QUOTE, _BACKSLASH, _LESS, _GREATER = b'"\\<>'


def split(value: bytes, separator: bytes = b",") -> list[bytes]:
    """Pieces between separators that stand outside quotes and angle brackets, stripped.

    Raises Bad for a quote that never closes.
    """
    if separator not in value:
        return [value.strip()]
    if b'"' not in value and b"<" not in value:
        return [piece.strip() for piece in value.split(separator)]
    pieces = []
    quoted = escaped = angled = False
    start, cut = 0, separator[0]
    for index, byte in enumerate(value):
        if quoted:
            quoted = escaped or byte != _QUOTE
            escaped = not escaped and byte == _BACKSLASH
        elif byte == _QUOTE:
            quoted = True
        elif byte == cut and not angled:
            pieces.append(value[start:index].strip())
            start = index + 1
        elif byte in (_LESS, _GREATER):
            angled = byte == _LESS
    if quoted:
        raise Bad("quote never closes")
    pieces.append(value[start:].strip())
    return pieces


def parameters(text: bytes) -> dict[bytes, bytes]:
    """`;a=1;b` as `{b"a": b"1", b"b": b""}`; names in lower case, the first of a name wins."""
    found: dict[bytes, bytes] = {}
    for piece in split(text, b";"):
        if piece:
            name, _, value = piece.partition(b"=")
            found.setdefault(name.strip().lower(), value.strip())
    return found


def port_number(digits: bytes | None) -> int | None:
    """A port, or None where none was written. Raises Bad beyond 1..65535."""
    if digits is None:
        return None
    port = int(digits)
    if not 0 < port <= 65_535:
        raise Bad("port out of range")
    return port


def _host(text: bytes) -> str:
    return text.decode("ascii").strip("[]").lower()


_URI = re.compile(
    rb"(sips?):(?:([^@\s<>\"]*)@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?"
    rb"((?:;[^?@\s<>\"]*)?)(\?[^@\s<>\"]*)?",
    re.IGNORECASE,
)
_SCHEME = re.compile(rb"([a-z][a-z0-9+.-]*):[^\s<>\"]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP or SIPS URI (RFC 3261 section 19.1). `host` has no brackets and is lower case."""

    scheme: str
    user: bytes
    host: str
    port: int | None
    params: bytes
    headers: bytes

    def param(self, name: bytes) -> bytes | None:
        """The value of a URI parameter, empty for a flag, None when absent."""
        return parameters(self.params).get(name) if self.params else None

    @property
    def transport(self) -> str:
        """`udp`, `tcp` ... as asked for; UDP when nothing is said, TLS for SIPS."""
        asked = self.param(b"transport")
        if asked and self.scheme == "sip":
            return asked.decode("ascii", "replace").lower()
        return "tls" if self.scheme == "sips" else "udp"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, with the default port filled in (RFC 3261 section 19.1.2)."""
        return self.host, self.port or (5061 if self.transport == "tls" else 5060)


@lru_cache(_KNOWN)
def parse_uri(text: bytes) -> Uri:
    """Read a SIP URI. Raises Bad: 416 for another scheme, 400 otherwise."""
    match = _URI.fullmatch(text)
    if match is None:
        other = _SCHEME.fullmatch(text)
        if other is not None and other[1].lower() not in (b"sip", b"sips"):
            raise Bad("unsupported URI scheme", 416)
        raise Bad("malformed URI")
    scheme, user, host, port, params, headers = match.groups()
    return Uri(
        scheme.decode("ascii").lower(),
        user or b"",
        _host(host),
        port_number(port),
        params,
        headers or b"",
    )


def is_sips(uri: bytes) -> bool:
    """True for a URI that asks for TLS all the way."""
    return uri[:5].lower() == b"sips:"


_BRACKETED = re.compile(
    rb"(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"\s*|(?P<plain>[^\"<>]*))<(?P<uri>[^<>\s]+)>\s*"
    rb"(?P<params>;.*)?",
    re.DOTALL,
)
_BARE = re.compile(rb"(?P<uri>[^\s;<>\",?]+)\s*(?P<params>;.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route: a URI with a name before it and parameters behind."""

    display: bytes
    uri: bytes
    params: bytes

    @property
    def tag(self) -> bytes:
        """The dialog tag, empty when there is none."""
        return parameters(self.params).get(b"tag", b"") if self.params else b""


@lru_cache(_KNOWN)
def parse_name_addr(value: bytes) -> NameAddr:
    """Read one name-addr or addr-spec. In the bare form `;` starts header parameters.

    Raises Bad.
    """
    match = _BRACKETED.fullmatch(value)
    if match is not None:
        quoted, plain = match["quoted"], match["plain"]
        display = plain.strip() if quoted is None else quoted
        return NameAddr(display, match["uri"], match["params"] or b"")
    match = _BARE.fullmatch(value)
    if match is None:
        raise Bad("malformed name-addr")
    return NameAddr(b"", match["uri"], match["params"] or b"")


_VIA = re.compile(
    rb"SIP\s*/\s*([0-9.]+)\s*/\s*([A-Za-z0-9-]+)\s+(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)"
    rb"(?:\s*:\s*([0-9]{1,5}))?\s*(;.*)?",
    re.DOTALL | re.IGNORECASE,
)
_SEEN = (b"received", b"rport")


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value (RFC 3261 section 20.42)."""

    text: bytes
    transport: str
    host: str
    port: int | None
    params: dict[bytes, bytes]

    @property
    def branch(self) -> bytes:
        """The branch, empty for an element older than RFC 3261."""
        return self.params.get(b"branch", b"")

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host and port, with the default port filled in."""
        return self.host, self.port or (5061 if self.transport == "TLS" else 5060)

    def seen_from(self, host: str, port: int) -> bytes:
        """The same value with what the socket saw (RFC 3261 18.2.1, RFC 3581 section 4)."""
        wants_port = b"rport" in self.params
        if not wants_port and host == self.host and b"received" not in self.params:
            return self.text
        sent, *params = split(self.text, b";")
        kept = [p for p in params if p.partition(b"=")[0].strip().lower() not in _SEEN]
        text = b";".join([sent, *kept, b"received=" + host.encode("ascii")])
        return text + b";rport=%d" % port if wants_port else text


@lru_cache(_KNOWN)
def parse_via(text: bytes, *, any_version: bool = False) -> Via:
    """Read one Via value. Raises Bad: 505 for another version of SIP, unless that is asked for."""
    match = _VIA.fullmatch(text)
    if match is None:
        raise Bad("malformed Via")
    version, transport, host, port, params = match.groups()
    if version != b"2.0" and not any_version:
        raise Bad("SIP version not supported", 505)
    return Via(
        text,
        transport.decode("ascii").upper(),
        _host(host),
        port_number(port),
        parameters(params) if params else {},
    )
