"""CaptureServer: takes HEPv3 by UDP, TCP or TLS, as Homer does, and reads it to the letter."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class HepPacket:
    """Chunks of vendor 0 by their type."""

    chunks: dict[int, bytes]

    @property
    def payload(self) -> bytes:
        """What it carries."""
        return self.chunks[15]

    @property
    def kind(self) -> int:
        """1 is SIP."""
        return self.chunks[11][0]

    @property
    def correlation(self) -> str:
        """What its call is known by."""
        return self.chunks.get(17, b"").decode()

    @property
    def source(self) -> tuple[str, int]:
        """Where it came from."""
        return self._end(3, 5, 7)

    @property
    def destination(self) -> tuple[str, int]:
        """Where it went."""
        return self._end(4, 6, 8)

    @property
    def number(self) -> int:
        """Of the capture agent."""
        return int.from_bytes(self.chunks[12])

    @property
    def seconds(self) -> float:
        """When, since 1970."""
        return int.from_bytes(self.chunks[9]) + int.from_bytes(self.chunks[10]) / 1e6

    def _end(self, four: int, six: int, port: int) -> tuple[str, int]:
        family = self.chunks[1][0]
        host = socket.inet_ntop(family, self.chunks[four if family == socket.AF_INET else six])
        return host, int.from_bytes(self.chunks[port])


def read_hep(data: bytes) -> HepPacket:
    """One whole packet. Raises ValueError where it is not exactly one."""
    if data[:4] != b"HEP3" or int.from_bytes(data[4:6]) != len(data):
        raise ValueError(f"not one HEP packet: {data[:6]!r}, {len(data)} bytes")
    chunks: dict[int, bytes] = {}
    rest = data[6:]
    while rest:
        vendor, kind, size = (int.from_bytes(rest[n : n + 2]) for n in (0, 2, 4))
        if vendor or kind in chunks or not 6 <= size <= len(rest):
            raise ValueError(f"a chunk of vendor {vendor}, type {kind}, {size} bytes")
        chunks[kind], rest = rest[6:size], rest[size:]
    return HepPacket(chunks)


class CaptureServer(asyncio.DatagramProtocol):
    """`packets` are all that came, in order."""

    def __init__(
        self, transport: str = "udp", *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.packets: list[HepPacket] = []
        self._kind = transport
        self._port = port
        self._tls = tls
        self._news = asyncio.Event()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        """As in `hep.server`."""
        return f"{self._kind}://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        if self._kind == "udp":
            loop = asyncio.get_running_loop()
            at = ("127.0.0.1", self._port)
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=at)
            self._port = self._udp.get_extra_info("sockname")[1]
        else:
            self._tcp = await asyncio.start_server(
                self._accept, "127.0.0.1", self._port, ssl=self._tls
            )
            self._port = self._tcp.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            for writer in self._writers:
                writer.close()
            await self._tcp.wait_closed()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One packet."""
        self._take(data)

    async def until(self, wanted: Callable[[], object]) -> None:
        """Wait until something holds; looked at with every packet. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE):
            while not wanted():
                self._news.clear()
                await self._news.wait()

    def sip(self, call_id: str = "") -> list[HepPacket]:
        """The SIP messages, of one dialog."""
        return [p for p in self.packets if p.kind == 1 and call_id.encode() in p.payload]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while head := await reader.read(6):
            head += await reader.readexactly(6 - len(head))
            self._take(head + await reader.readexactly(int.from_bytes(head[4:]) - 6))

    def _take(self, data: bytes) -> None:
        self.packets.append(read_hep(data))
        self._news.set()
