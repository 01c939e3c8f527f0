"""The worker's end of the channel."""

import asyncio
import os
from pathlib import Path

from .channel import Channel
from .protocol import DOWN, Down, Ready, Up

CONNECT_SECONDS = 2.0

WorkerChannel = Channel[Up, Down]


async def connect(socket_path: Path, token: str, *, host: str, port: int) -> WorkerChannel:
    """Report to the gateway: this worker can take a call on the SIP address `host`:`port`.

    Raises OSError (TimeoutError too) when the gateway does not listen.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_unix_connection(socket_path)
    channel = WorkerChannel(reader, writer, DOWN)
    channel.send(Ready(token=token, pid=os.getpid(), host=host, port=port))
    return channel
