"""The HTTP door of a server in tests: somebody with a token, and a plan to call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from sipagent.config import Limits
from sipagent.testing.http_door import Tokens, happens, without_workers
from sipagent.testing.server import Server

__all__ = ["FEW", "Tokens", "base", "client", "happens", "without_workers"]

#: workers that stand ready: a server that has to fork fewer is there sooner
FEW = Limits(warm=2)


def base(server: Server) -> str:
    """Where the door is."""
    address = server.gateway.http.address
    assert address is not None
    return f"http://{address[0]}:{address[1]}"


@asynccontextmanager
async def client(server: Server, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with that token."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base(server), headers=headers, timeout=20) as http:
        yield http
