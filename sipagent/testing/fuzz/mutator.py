"""Mutator: damages SIP messages, the same way every time for the same seed."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

#: what parsers stumble over, put in anywhere
_BITS = (
    *(b"", b"\r\n", b"\n", b"\r", b"\0", b"\\\0", b'"', b"\\", b"<", b">", b";", b",", b":"),
    *(b" ", b"\t", b"\r\n ", b"@", b"[", b"]", b"[::1]", b"%", b"%00", b"=", b"?", b"/", b"*"),
    *(b"-1", b"0", b"9" * 11, b"9" * 40, b"4294967296", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf"),
    *(b"SIP/2.0", b"sip:", b"sips:", b"tel:", b"z9hG4bK", b";tag=", b";branch=", b";rport", b";lr"),
)
_LINES = (
    *(b"Content-Length: 0", b"Content-Length: 99999", b"Max-Forwards: 0", b"Contact: *"),
    *(b"Require: 100rel", b"Require: x", b"Replaces: a;to-tag=b;from-tag=c", b"Expires: 0"),
    *(b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKm", b"Record-Route: <sip:192.0.2.1;lr>"),
    *(b"Session-Expires: 90;refresher=uas", b"Route: <sip:127.0.0.1;lr>", b"Content-Type: x/y"),
)
_METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"INFO", b"UPDATE")
_SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)
#: a clean request that is nobody else's; `to` is what follows To's address
_CLEAN = (
    b"%(method)b sip:100@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP %(here)b;branch=z9hG4bK%(n)d;rport\r\n"
    b'From: "Alice A" <sip:user@127.0.0.1>;tag=f%(n)d\r\nTo: <sip:user@127.0.0.1>%(to)b\r\n'
    b"Call-ID: %(n)d@fuzz\r\nCSeq: %(n)d %(method)b\r\nContact: <sip:user@%(here)b>\r\n"
    b"Max-Forwards: 70\r\nSupported: replaces, timer\r\nAllow: INVITE, ACK, BYE\r\n"
    b"Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nExpires: 120\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: %(size)d\r\n\r\n%(body)b"
)
#: the most a datagram holds, less its own header
_LONGEST = 65_000


class Mutator:
    """An endless row of damaged messages: half of them `packets` before, half clean requests of a
    phone at `here` (host:port). Raises ValueError where there is nothing to damage.
    """

    def __init__(self, packets: Sequence[bytes], seed: int, here: str = "127.0.0.1:5060") -> None:
        if not packets:
            raise ValueError("no packets to begin with")
        self._packets = packets
        self.here = here
        self._number = 0
        self._dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            *(self._insert, self._insert, self._overwrite, self._overwrite, self._cut),
            *(self._triple, self._drop_line, self._repeat_line, self._add_line, self._swap_lines),
            *(self._truncate, self._splice, self._lengthen, self._other_method),
        )

    def __iter__(self) -> "Mutator":
        return self

    def __next__(self) -> bytes:
        data = self._dice.choice(self._packets) if self._dice.random() < 0.5 else self._clean()
        for _ in range(self._dice.choice((1, 1, 2, 3))):
            data = self._dice.choice(self._ways)(data)
        return data[:_LONGEST]

    def _clean(self) -> bytes:
        self._number += 1
        method = self._dice.choice((b"INVITE", b"INVITE", b"INVITE", *_METHODS))
        body = _SDP if method == b"INVITE" else b""
        values = {"method": method, "here": self.here.encode(), "n": self._number}
        to = b";tag=worker" if method in (b"BYE", b"INFO", b"UPDATE") else b""
        sized = {"to": to, "size": len(body), "body": body}
        return _CLEAN % {name.encode(): value for name, value in (values | sized).items()}

    def _place(self, data: bytes) -> int:
        return self._dice.randint(0, len(data))

    def _insert(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self._dice.choice(_BITS) + data[at:]

    def _overwrite(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + bytes([self._dice.randrange(256)]) + data[at + 1 :]

    def _cut(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + data[at + self._dice.randint(1, 30) :]

    def _triple(self, data: bytes) -> bytes:
        at = self._place(data)
        piece = data[at : at + self._dice.randint(1, 20)]
        return data[:at] + piece * 3 + data[at + len(piece) :]

    def _drop_line(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        del lines[self._dice.randrange(len(lines))]
        return b"\r\n".join(lines)

    def _repeat_line(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        at = self._dice.randrange(len(lines))
        return b"\r\n".join([*lines[: at + 1], *lines[at:]])

    def _add_line(self, data: bytes) -> bytes:
        start, end, rest = data.partition(b"\r\n")
        return start + end + self._dice.choice(_LINES) + end + rest

    def _swap_lines(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        one, other = self._dice.randrange(len(lines)), self._dice.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\r\n".join(lines)

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _splice(self, data: bytes) -> bytes:
        other = self._dice.choice(self._packets)
        return data[: self._place(data)] + other[self._place(other) :]

    def _lengthen(self, data: bytes) -> bytes:
        at = self._place(data)
        piece = self._dice.choice(_BITS) or b"x"
        times = self._dice.choice((10, 100, 1000, 3000))
        return data[:at] + (piece * times)[:_LONGEST] + data[at:]

    def _other_method(self, data: bytes) -> bytes:
        method = data.partition(b" ")[0]
        return data.replace(method, self._dice.choice(_METHODS)) if method else data


def packets_in(folder: Path) -> list[bytes]:
    """Every captured or written message below a folder, in a fixed order."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".bin", ".dat"))
    return [path.read_bytes() for path in paths]
