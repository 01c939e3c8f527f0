"""A UDP socket that sends everything straight back: the floor under every delay of the bench.

Run as `python -m sipagent.testing.bench.reflector`: it says its port on a line, and reflects until
it is terminated. What callers measure against it is their own share and the kernel's.
"""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LARGEST = 2048


@asynccontextmanager
async def reflecting() -> AsyncIterator[tuple[str, int]]:
    """A reflector in a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, stdout=PIPE)
    assert process.stdout is not None
    try:
        yield "127.0.0.1", int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def reflect() -> None:
    """Send back whatever comes, for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        sys.stdout.write(f"{own.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            data, peer = own.recvfrom(_LARGEST)
            own.sendto(data, peer)


if __name__ == "__main__":
    reflect()
