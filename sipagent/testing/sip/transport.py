"""How SIP messages leave and arrive: one UDP socket, or connections (RFC 3261 section 18)."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from sipagent.tasks import stopped

Address = tuple[str, int]
Receive = Callable[[bytes, Address], None]
#: seconds a peer has to close TLS in order
_GOODBYE = 2.0


@dataclass(frozen=True, slots=True)
class TlsEnds:
    """A phone's side of TLS: whom it believes, and what it shows to peers that connect to it."""

    client: ssl.SSLContext
    server: ssl.SSLContext | None = None


class Transport(Protocol):
    """A way to peers. `reliable` says that nothing needs to be sent twice."""

    name: str
    reliable: bool
    local: Address

    def send(self, data: bytes, to: Address) -> None:
        """Send one message; a failure shows as a missing response."""
        ...

    async def close(self) -> None:
        """Free the sockets."""
        ...


class UdpTransport(asyncio.DatagramProtocol):
    """One bound UDP socket. Make it with `open_udp`."""

    name = "UDP"
    reliable = False

    def __init__(self, receive: Receive) -> None:
        self.local: Address = ("", 0)
        self._receive = receive
        self._socket: asyncio.DatagramTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Remember where we are."""
        self._socket = transport
        self.local = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Hand a datagram up; keep-alives (RFC 5626 section 4.4.1) are not messages."""
        if data.strip(b"\r\n\0 "):
            self._receive(data, addr[:2])

    def connection_lost(self, exc: Exception | None) -> None:
        """Let `close` return."""
        self._closed.set_result(None)

    def send(self, data: bytes, to: Address) -> None:
        """Send one datagram."""
        if self._socket is not None and not self._socket.is_closing():
            self._socket.sendto(data, to)

    async def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            await self._closed


async def open_udp(host: str, port: int, receive: Receive) -> UdpTransport:
    """Bind a UDP socket; port 0 takes a free one. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(
        lambda: UdpTransport(receive), local_addr=(host, port)
    )
    return protocol


class TcpTransport:
    """A listening socket, and one connection per peer address. Make it with `open_tcp`.

    With `tls` every connection is TLS; a peer must prove the address it is called at.
    """

    reliable = True

    def __init__(self, receive: Receive, tls: TlsEnds | None = None) -> None:
        self.name = "TCP" if tls is None else "TLS"
        self.local: Address = ("", 0)
        #: why the last connection was not made
        self.failure: OSError | None = None
        self._tls = tls
        self._receive = receive
        self._server: asyncio.Server | None = None
        self._writers: dict[Address, asyncio.StreamWriter] = {}
        self._waiting: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Take connections from peers. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, host, port, ssl=self._tls.server if self._tls else None
        )
        self.local = self._server.sockets[0].getsockname()[:2]

    def send(self, data: bytes, to: Address) -> None:
        """Send on the connection to `to`; make it first where there is none."""
        writer = self._writers.get(to)
        if writer is not None:
            writer.write(data)
        elif to in self._waiting:
            self._waiting[to].append(data)
        else:
            self._waiting[to] = [data]
            self._spawn(self._connect(to))

    async def close(self) -> None:
        """Close every connection and the listening socket."""
        if self._server is not None:
            self._server.close()
        writers = list(self._writers.values())
        for writer in writers:
            writer.close()
        if self._tls is not None and writers:
            await asyncio.wait([asyncio.ensure_future(_gone(w)) for w in writers], timeout=_GOODBYE)
        await stopped(*self._tasks)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spawn(self._read(reader, writer))

    async def _connect(self, to: Address) -> None:
        try:
            reader, writer = await asyncio.open_connection(
                *to, ssl=self._tls.client if self._tls else None
            )
        except OSError as error:
            self.failure = error
            self._waiting.pop(to, None)  # nobody there: timer B or F tells the sender
            return
        for data in self._waiting.pop(to, []):
            writer.write(data)
        await self._read(reader, writer)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: Address = writer.get_extra_info("peername")[:2]
        self._writers[peer] = writer
        try:
            while True:
                self._receive(await read_message(reader), peer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the peer closed, or sent what has no end: either way this connection is over
        finally:
            self._writers.pop(peer, None)
            writer.close()


async def _gone(writer: asyncio.StreamWriter) -> None:
    """TLS has a farewell of its own; who does not answer it is left."""
    with suppress(OSError):
        await writer.wait_closed()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """One message off a stream, framed by Content-Length (RFC 3261 section 18.3).

    Raises asyncio.IncompleteReadError at the end of the stream, ValueError for a bad length.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l"):
            length = int(value)
    return head + (await reader.readexactly(length) if length else b"") if head else b""


async def open_tcp(
    host: str, port: int, receive: Receive, tls: TlsEnds | None = None
) -> TcpTransport:
    """Listen for TCP or TLS; port 0 takes a free one. Raises OSError."""
    transport = TcpTransport(receive, tls)
    await transport.listen(host, port)
    return transport
