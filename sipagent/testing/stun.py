"""STUN servers: one that tells any address it is asked to, and coturn."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

from sipagent.edge.stun import StunFailed, StunServer, public_address
from sipagent.errors import SipAgentError

from . import processes
from .ports import free_port
from .udp import UdpServer

_COOKIE = 0x2112A442
#: seconds coturn may take to start
_PATIENCE = 20.0


class StunStub(UdpServer):
    """`async with StunStub("127.0.0.7") as stun:`; it tells everybody that address.

    `tells` None is silence, a number an error code. `losses` requests are lost first.
    """

    def __init__(self, tells: str | int | None, *, losses: int = 0) -> None:
        super().__init__()
        self.tells = tells
        self.losses = losses
        self.requests: list[bytes] = []

    @property
    def setting(self) -> str:
        """How the settings name it."""
        return f"stun:{self.place}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a binding request."""
        self.requests.append(data)
        if len(self.requests) <= self.losses or self.tells is None:
            return
        transaction = data[8:20]
        if isinstance(self.tells, int):
            value = struct.pack("!HBB", 0, self.tells // 100, self.tells % 100)
            kind, attribute = 0x0111, struct.pack("!HH", 0x0009, len(value)) + value
        else:
            raw = int(IPv4Address(self.tells)) ^ _COOKIE
            value = struct.pack("!BBHI", 0, 1, addr[1] ^ (_COOKIE >> 16), raw)
            kind, attribute = 0x0101, struct.pack("!HH", 0x0020, len(value)) + value
        assert self._wire is not None
        stranger = struct.pack("!HHI", kind, len(attribute), _COOKIE) + bytes(12) + attribute
        self._wire.sendto(stranger, addr)  # of another transaction: nobody's answer
        answer = struct.pack("!HHI", kind, len(attribute), _COOKIE) + transaction + attribute
        self._wire.sendto(answer, addr)


class CoturnError(SipAgentError):
    """turnserver did not start."""


async def _answers(server: StunServer, log: Path) -> None:
    """Wait until it serves. Raises CoturnError."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        try:
            await public_address(server, "127.0.0.1", patience=1)
            return
        except StunFailed as error:
            if asyncio.get_running_loop().time() > deadline:
                raise CoturnError(f"turnserver: {error}: {_end(log)}") from error
        await asyncio.sleep(0.05)


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]


@asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[int]:
    """A real STUN server on loopback; gives its port. Raises CoturnError."""
    port, log = free_port(), folder / "turnserver.log"
    command = (
        *("turnserver", "-n", "-S", "-L", "127.0.0.1", "-p", str(port)),
        *("--no-tls", "--no-dtls", "--no-cli", "-l", "stdout", "--simple-log"),
        *("--pidfile", str(folder / "turnserver.pid"), "-b", str(folder / "turndb")),
    )
    process = await processes.start(command, log, folder)
    try:
        await _answers(StunServer("127.0.0.1", port), log)
        yield port
    finally:
        await processes.stop(process)
