"""The way to the mixer: a connected socket that has said who it is."""

import asyncio
import socket
from pathlib import Path

from .mixer import Hello
from .short_path import short_path

_PAUSE = 0.05


async def connected(address: str, hello: Hello) -> socket.socket:
    """One attempt. Raises OSError when no mixer listens there."""
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wire.setblocking(False)
    try:
        with short_path(Path(address)) as path:
            await asyncio.get_running_loop().sock_connect(wire, path)
        wire.send(hello.model_dump_json().encode())
    except BaseException:  # cancelled as well: no socket is left behind
        wire.close()
        raise
    return wire


async def insistent(address: str, hello: Hello, seconds: float) -> socket.socket:
    """Attempts for so long, while a mixer may be starting. Raises TimeoutError with the cause."""
    cause = "it was never tried"
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await connected(address, hello)
                except OSError as error:
                    cause = str(error)
                    await asyncio.sleep(_PAUSE)
    except TimeoutError as late:
        raise TimeoutError(f"no mixer at {address} within {seconds:g} s: {cause}") from late
