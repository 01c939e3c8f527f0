"""CallServers: the MCP servers of one phone call, connected to while the phone still rings."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sipagent.config import Settings
from sipagent.config.mcp import McpServer as Declared
from sipagent.providers.late import Late
from sipagent.tools.mcp.server import McpFailed, McpServer
from sipagent.tools.mcp.spec import McpUse, Terms, terms_of

from .shelf import ToolShelf


class _Closing(McpServer, Protocol):
    async def close(self) -> None: ...


#: the SDK: 35 MB and half a second of CPU, for those who have servers
CONFIGURED: Late[_Closing] = Late("sipagent.providers.mcp.making", "configured")
BY_URL: Late[_Closing] = Late("sipagent.providers.mcp.making", "by_url")
#: servers in one phone call
_MOST = 16
#: the addresses of a host that may be connected to; raises WebFailed
Addresses = Callable[[str, int], Awaitable[Sequence[str]]]


class CallServers:
    """Behind `McpServers`. `addresses` judges hosts that plans and documents name; without it none
    may be had.
    """

    def __init__(self, settings: Settings, addresses: Addresses | None = None) -> None:
        self._declared = settings.mcp_servers
        self._folder = settings.state_folder / "mcp"
        self._addresses = addresses
        self._made: dict[tuple[str, ...], _Closing] = {}

    def ring(self, uses: Iterable[McpUse]) -> None:
        """The phone rings: connect to those that stand in sipagent.yaml."""
        for name in {use.server for use in uses if use.server in self._declared}:
            self._named(name)

    def open(
        self, use: McpUse, fill: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> tuple[McpServer, Terms]:
        """See `McpServers`."""
        if use.server is None:
            return self._by_url(use.url or "", fill(use.headers)), terms_of(use, None)
        if use.server not in self._declared:
            raise McpFailed(f"there is no server {use.server} under mcp_servers of sipagent.yaml")
        return self._named(use.server), terms_of(use, self._declared[use.server])

    async def close(self) -> None:
        """The phone call is over: end every connection. Bounded."""
        await asyncio.gather(*(server.close() for server in self._made.values()))

    def _named(self, name: str) -> McpServer:
        declared = self._declared[name]

        def make() -> _Closing:
            return CONFIGURED(declared, shelf_of(self._folder, name, declared))

        return self._one((name,), make)

    def _by_url(self, url: str, headers: Mapping[str, str]) -> McpServer:
        if self._addresses is None or not url.startswith(("https://", "http://")):
            raise McpFailed("servers by URL are not allowed here: name it in sipagent.yaml")
        key = (url, *(f"{name}: {value}" for name, value in sorted(headers.items())))
        return self._one(key, lambda: BY_URL(url, headers, self._addresses))

    def _one(self, key: tuple[str, ...], make: Callable[[], _Closing]) -> McpServer:
        if key not in self._made:
            if len(self._made) >= _MOST:
                raise McpFailed(f"this call has {_MOST} servers already")
            self._made[key] = make()
        return self._made[key]


def shelf_of(folder: Path, name: str, declared: Declared) -> ToolShelf:
    """Where the tools of a configured server are kept between calls."""
    whose = declared.model_dump_json(include={"url", "command", "cwd"})
    return ToolShelf(folder, name, whose, declared.list_seconds)


def wants_mcp(plans: Iterable[bytes]) -> bool:
    """True where a plan has servers."""
    return any(b"mcp_servers" in text for text in plans)
