"""Prompter: tells the ears of a server under test what its callers are saying, as they say it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from .knowing import Known

_EVERY = 0.02


def now_ms() -> float:
    """The clock of everything that is measured on a real wire: `perf_counter`, ms."""
    return 1000 * time.perf_counter()


class Prompter:
    """`callers` by name; a name is known as long as its call lasts."""

    def __init__(self) -> None:
        self.callers: dict[str, Known] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One turn of one caller."""
        with suppress(OSError, ValueError, KeyError):
            known = self.callers[json.loads(await reader.readline())["caller"]]
            await _tell(known, reader, writer)
        writer.close()


@asynccontextmanager
async def prompting() -> AsyncIterator[Prompter]:
    """A prompter on a free port of this machine."""
    prompter = Prompter()
    server = await asyncio.start_server(prompter.serve, "127.0.0.1", 0)
    prompter.port = server.sockets[0].getsockname()[1]
    try:
        yield prompter
    finally:
        server.close()
        await server.wait_closed()


async def _tell(known: Known, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    told = ""
    ended = asyncio.ensure_future(reader.readline())
    try:
        while True:
            await asyncio.wait({ended}, timeout=_EVERY)
            if ended.done():
                break
            if (partial := known.partial(now_ms())) != told:
                told = partial
                writer.write(json.dumps({"partial": partial}).encode() + b"\n")
        if ended.result():
            writer.write(json.dumps({"final": known.final(now_ms())}).encode() + b"\n")
            await writer.drain()
    finally:
        ended.cancel()
