"""SIP by hand: a UDP or TCP peer, a worker and a desk, to try the front door with."""

import asyncio
import itertools
import secrets
from dataclasses import dataclass, field

from sipagent.edge.desk import Address, Admitted, Leaving, NewCall, NewText, Refused, Rung
from sipagent.edge.message import Message, header, parse
from sipagent.edge.responses import response
from sipagent.tasks import stopped

_NUMBERS = itertools.count(1)
#: seconds; a busy machine takes its time
PATIENCE = 20.0


@dataclass
class SipPeer:
    """One end of SIP: what it got, in order, and how it sends."""

    local: Address
    transport: str
    _inbox: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)

    async def raw(self, timeout: float = PATIENCE) -> bytes:
        """The next message as bytes. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            return await self._inbox.get()

    async def get(self, what: str | int, timeout: float = PATIENCE) -> Message:
        """The next message of that method, or that status, others are passed over.

        Raises TimeoutError.
        """
        async with asyncio.timeout(timeout):
            while True:
                message = parse(await self._inbox.get())
                if what in (message.status, message.method.decode()):
                    return message

    def silent(self) -> bool:
        """True while nothing lies unread."""
        return self._inbox.empty()

    def request(
        self,
        method: str,
        uri: str,
        *,
        call_id: str | None = None,
        cseq: int = 1,
        from_tag: str = "caller",
        to_tag: str = "",
        branch: str | None = None,
        via: str | None = None,
        contact: str | None = None,
        user: str = "alice",
        extra: tuple[str, ...] = (),
        body: str = "",
    ) -> bytes:
        """A request of this peer; names that are not given are made up."""
        host, port = self.local
        number = next(_NUMBERS)
        branch = branch or f"z9hG4bK{secrets.token_hex(4)}{number}"
        tag = f";tag={to_tag}" if to_tag else ""
        suffix = ";transport=tcp" if self.transport == "TCP" else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            via or f"Via: SIP/2.0/{self.transport} {host}:{port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@{host}>;tag={from_tag}",
            f"To: <{uri}>{tag}",
            f"Call-ID: {call_id or f'call{number}@test'}",
            f"CSeq: {cseq} {method}",
            contact or f"Contact: <sip:{user}@{host}:{port}{suffix}>",
            *extra,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass
class UdpPeer(SipPeer, asyncio.DatagramProtocol):
    """A peer on a UDP socket of its own."""

    _wire: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str = "127.0.0.1", port: int = 0) -> "UdpPeer":
        """Bind that port, or a free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        wire, peer = await loop.create_datagram_endpoint(
            lambda: cls(("", 0), "UDP"), local_addr=(host, port)
        )
        peer.local = wire.get_extra_info("sockname")[:2]
        peer._wire = wire
        return peer

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        self._inbox.put_nowait(data)

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram."""
        assert self._wire is not None
        self._wire.sendto(data, to)

    def close(self) -> None:
        """Close the socket."""
        if self._wire is not None:
            self._wire.close()

    def respond(
        self,
        request: Message,
        status: int,
        to: Address,
        *,
        tag: str = "",
        contact: str = "",
        extra: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> Message:
        """Answer a request as a user agent does: Record-Route is copied where it forms dialogs."""
        answer = response(request, status, tag=tag.encode())
        made = []
        if 100 < status < 300:
            made += [h for h in request.headers if h.key == b"record-route"]
        if contact:
            made.append(header(b"Contact", f"<{contact}>".encode()))
        made += [header(name.encode(), value.encode()) for name, value in extra]
        length = header(b"Content-Length", b"%d" % len(body))
        answer.headers = [*answer.headers[:-1], *made, length]
        answer.body = body
        self.send(bytes(answer), to)
        return answer


@dataclass
class TcpPeer(SipPeer):
    """A peer on a TCP connection."""

    _writer: asyncio.StreamWriter | None = None
    _reading: "asyncio.Task[None] | None" = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def connect(cls, to: Address, host: str | None = None) -> "TcpPeer":
        """Connect, from an address of this machine."""
        source = (host, 0) if host is not None else None
        reader, writer = await asyncio.open_connection(*to, local_addr=source)
        return cls.over(reader, writer)

    @classmethod
    def over(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "TcpPeer":
        """A peer on a connection that was accepted."""
        peer = cls(writer.get_extra_info("sockname")[:2], "TCP")
        peer._writer = writer
        peer._reading = asyncio.create_task(peer._read(reader))
        return peer

    def send(self, data: bytes) -> None:
        """Write bytes, a whole message or not."""
        assert self._writer is not None
        self._writer.write(data)

    async def close(self) -> None:
        """Close the connection."""
        assert self._writer is not None
        assert self._reading is not None
        self._writer.close()
        await stopped(self._reading)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n")
                if head == b"\r\n":
                    self._inbox.put_nowait(head)
                    continue
                head += await reader.readuntil(b"\r\n\r\n")
                lines = [line.partition(b":") for line in head.split(b"\r\n")]
                sizes = [int(v) for n, _, v in lines if n.strip().lower() == b"content-length"]
                body = await reader.readexactly(sizes[0]) if sizes else b""
                self._inbox.put_nowait(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()


@dataclass
class FakeDesk:
    """Admits every call to the next worker in line; keeps what it was told.

    `refusal` turns calls away, `toll` those that go out by a trunk; `gate`, while it
    is not set, makes callers wait; `shut` says that no call is taken at all.
    """

    workers: list[Admitted] = field(default_factory=list)
    refusal: Refused | None = None
    toll: Refused | None = None
    shut: Refused | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[NewCall] = field(default_factory=list)
    texts: list[NewText] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    leaving: list[Leaving] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)

    async def admit(self, call: NewCall) -> Admitted:
        """As told."""
        self.calls.append(call)
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        if not self.workers:
            raise Refused(503, "Service Unavailable", retry_after=5)
        return self.workers.pop(0)

    def closed(self) -> Refused | None:
        """As told."""
        return self.shut

    async def text(self, text: NewText) -> int:
        """Note it, or refuse as told."""
        if self.refusal is not None:
            raise self.refusal
        self.texts.append(text)
        return 202

    def leaves(self, call: Leaving) -> None:
        """Keep it."""
        self.leaving.append(call)
        if self.toll is not None:
            raise self.toll

    def expects(self, number: str) -> bool:
        """See `Desk`: none."""
        return False

    def abandoned(self, token: str) -> None:
        """Keep the token."""
        self.left.append(token)

    def saw(self, rung: Rung) -> None:
        """Keep the rung."""
        self.rungs.append(rung)
