"""Making connections: a configured server, or one by URL. Imports the SDK: see `Late`."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

from mcp.client._transport import TransportStreams

from sipagent.config.mcp import McpServer
from sipagent.providers.trust import tls

from .connection import Connection, Way
from .http import Addresses, Place, http
from .process import process
from .shelf import ToolShelf

# what the SDK logs of a message that cannot be read is the message; httpx2 logs whole URLs
for _name in ("mcp.client", "client", "httpx2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def configured(server: McpServer, shelf: ToolShelf) -> Connection:
    """A server of sipagent.yaml; its host is trusted."""
    headers = {name: value.get_secret_value() for name, value in server.headers.items()}
    if server.token is not None:
        headers["Authorization"] = f"Bearer {server.token.get_secret_value()}"
    streams = (
        _process(server)
        if server.url is None
        else _http(Place(str(server.url), headers, server.oauth))
    )
    shown = server.command[0] if server.url is None else shown_url(str(server.url))
    return Connection(Way(shown, streams, server.protocol, server.connect_seconds, shelf))


def by_url(url: str, headers: Mapping[str, str], addresses: Addresses) -> Connection:
    """A server that a plan or a document names; only judged addresses are connected to."""
    return Connection(Way(shown_url(url), _http(Place(url, headers, addresses=addresses))))


def shown_url(url: str) -> str:
    """Without user, password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _process(
    server: McpServer,
) -> Callable[[Callable[[], None]], AbstractAsyncContextManager[TransportStreams]]:
    env = {name: value.get_secret_value() for name, value in server.env.items()}
    return partial(process, server.command, env, server.cwd)


def _http(
    place: Place,
) -> Callable[[Callable[[], None]], AbstractAsyncContextManager[TransportStreams]]:
    # whether its session has ended, HTTP tells with the next request
    return lambda ended: http(place)


def preload() -> None:
    """Import what the first connection would, before the first fork."""
    tls()
    for name in ("anyio._backends._asyncio", "jsonschema"):
        import_module(name)
