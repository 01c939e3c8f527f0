"""A UDP server on loopback, open for as long as an `async with` block runs."""

import asyncio
from typing import Self

from sipagent.edge.desk import Address


class UdpServer(asyncio.DatagramProtocol):
    """Subclasses say what comes of a datagram. `address` is where it listens; port 0 becomes a
    free one on entering.
    """

    def __init__(self, port: int = 0) -> None:
        self.address: Address = ("127.0.0.1", port)
        self._wire: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._wire, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self.address)
        self.address = self._wire.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._wire is not None
        self._wire.close()

    @property
    def place(self) -> str:
        """`host:port`."""
        return f"{self.address[0]}:{self.address[1]}"
