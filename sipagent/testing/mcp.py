"""FakeMcp: MCP servers for simulated calls, that do at their moments what tests tell them to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sipagent.tools.mcp.server import (
    Change,
    Hooks,
    McpFailed,
    McpServer,
    RemoteResult,
    RemoteText,
    RemoteTool,
)
from sipagent.tools.mcp.spec import McpUse, Offer, Terms, terms_of

Handler = Callable[[Mapping[str, Any], Hooks], Awaitable[RemoteResult]]


class FakeMcpServer:
    """Behind `McpServer`. It is connected `after` seconds; `known` tools are from earlier calls.
    Handlers are by tool; one that is missing fails.
    """

    shown = "fake://server"

    def __init__(
        self,
        tools: Sequence[RemoteTool],
        handlers: Mapping[str, Handler] | None = None,
        *,
        known: Sequence[RemoteTool] = (),
        after: float = 0.0,
        resources: Sequence[RemoteText] = (),
    ) -> None:
        self.tools: Sequence[RemoteTool] = known
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.cancelled: list[str] = []
        self.read_for: list[dict[str, str]] = []
        self._listed = tools
        self._handlers = dict(handlers or {})
        self._after = after
        self._resources = resources
        self._followers: list[Callable[[Change], None]] = []

    def follow(self, told: Callable[[Change], None]) -> Callable[[], None]:
        """See `McpServer`."""
        self._followers.append(told)
        if len(self._followers) == 1:
            asyncio.get_running_loop().call_later(self._after, self._connect)
        return lambda: self._followers.remove(told)

    def _connect(self) -> None:
        self.now_has(self._listed, Change("connected", ms=round(1000 * self._after)))

    def now_has(self, tools: Sequence[RemoteTool], change: Change | None = None) -> None:
        """It lists these from now on."""
        self.tools = tools
        self.becomes(change or Change("changed"))

    def becomes(self, change: Change) -> None:
        """Tell whoever follows."""
        for told in tuple(self._followers):
            told(change)

    async def call(self, tool: str, arguments: Mapping[str, Any], hooks: Hooks) -> RemoteResult:
        """See `McpServer`."""
        self.called.append((tool, dict(arguments)))
        if tool not in self._handlers:
            raise McpFailed("the connection was lost")
        try:
            return await self._handlers[tool](arguments, hooks)
        except asyncio.CancelledError:
            self.cancelled.append(tool)
            raise

    async def read(
        self, wanted: bool | tuple[str, ...], variables: Mapping[str, str]
    ) -> Sequence[RemoteText]:
        """See `McpServer`."""
        self.read_for.append(dict(variables))
        return self._resources


class FakeMcp:
    """Behind `McpServers`: by the names plans know them by, and what the operator says of them."""

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        declared: Mapping[str, Offer] | None = None,
    ) -> None:
        self._servers = dict(servers)
        self._declared = dict(declared or {})
        self.headers: list[Mapping[str, str]] = []

    def open(
        self, use: McpUse, fill: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> tuple[McpServer, Terms]:
        """See `McpServers`."""
        if use.name not in self._servers:
            raise McpFailed(f"there is no server {use.name}")
        self.headers.append(fill(use.headers))
        return self._servers[use.name], terms_of(use, self._declared.get(use.name))
