"""An ASGI app behind a real server in this loop, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from sipagent.api.server import Quiet

#: seconds
_PATIENCE = 30.0


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Where it is, as `http://host:port`."""
    server = Quiet(uvicorn.Config(app, port=0, log_level="critical", lifespan="auto"))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(_PATIENCE):
        await server.begun.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await running
