"""An ASGI app behind a real server in this loop, on a port of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

#: seconds
_PATIENCE = 30.0


class _Telling(uvicorn.Server):
    """Tells when it has begun."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Where it is, as `http://host:port`."""
    server = _Telling(uvicorn.Config(app, port=0, log_level="critical", lifespan="auto"))
    # not `serve`, which takes the process's signals
    running = asyncio.create_task(server._serve())
    async with asyncio.timeout(_PATIENCE):
        await server.begun.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await running
