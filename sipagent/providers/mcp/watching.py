"""Watching: what a connected server lists, and hearing of it when that changes, in both eras."""

from collections.abc import Callable, Sequence

import structlog
from mcp import Client
from mcp.client.session import IncomingMessage
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceUpdatedNotification, ToolListChangedNotification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from sipagent.tasks import Background
from sipagent.tools.mcp.foreign import SPOKEN, cleaned
from sipagent.tools.mcp.server import RemoteTool

from .causes import cause_of
from .reading import tools_of

log = structlog.get_logger(__name__)

#: tools, and pages of them, that are read at all; changes that are followed in one phone call
_MOST_TOOLS, _MOST_PAGES, _MOST_CHANGES = 2_000, 20, 20


class Watch:
    """One instance a connection. `listed` is told the tools whenever they were listed anew,
    `updated` that a resource is another. Give it the client once that is connected.
    """

    def __init__(
        self, listed: Callable[[Sequence[RemoteTool]], None], updated: Callable[[], None]
    ) -> None:
        self._listed = listed
        self._updated = updated
        self._client: Client | None = None
        self._changes = 0
        self._subscribed: frozenset[str] = frozenset()
        self._tasks = Background()

    def begin(self, client: Client) -> None:
        """It is connected."""
        self._client = client
        tools = client.server_capabilities.tools
        if _modern(client) and tools is not None and tools.list_changed:
            self._tasks.start(self._listen(client, (), tools=True))

    async def end(self) -> None:
        """It is not any more."""
        self._client = None
        await self._tasks.stop()

    async def noticed(self, message: IncomingMessage) -> None:
        """The SDK's callback; it reads nothing while this runs."""
        match message:
            case ToolListChangedNotification() if self._client is not None:
                self._tasks.start(self._relist(self._client))
            case ResourceUpdatedNotification():
                self._changed()

    async def subscribe(self, client: Client, uris: Sequence[str]) -> None:
        """Hear when one of these is another, where the server tells. Raises what the SDK does."""
        resources = client.server_capabilities.resources
        new = frozenset(uris) - self._subscribed
        if not new or resources is None or not resources.subscribe:
            return
        self._subscribed |= new
        if _modern(client):
            self._tasks.start(self._listen(client, sorted(new)))
        else:
            for uri in sorted(new):
                # what the era of 2026-07-28 has `listen` for
                await client.session.subscribe_resource(uri)

    async def _listen(self, client: Client, uris: Sequence[str], *, tools: bool = False) -> None:
        try:
            async with client.listen(
                tools_list_changed=tools, resource_subscriptions=list(uris)
            ) as events:
                async for _ in events:
                    if tools:
                        await self._relist(client)
                    else:
                        self._changed()
        except (MCPError, RuntimeError, TimeoutError) as error:
            # changes are not told: what is there is used as it was
            log.debug("mcp_not_listened", cause=cause_of(error))

    async def _relist(self, client: Client) -> None:
        self._changes += 1
        if self._changes <= _MOST_CHANGES:
            try:
                self._listed(await list_tools(client))
            except (MCPError, RuntimeError, ValueError) as error:
                log.debug("mcp_not_listed", cause=cause_of(error))

    def _changed(self) -> None:
        self._changes += 1
        if self._changes <= _MOST_CHANGES:
            self._updated()


async def list_tools(client: Client) -> list[RemoteTool]:
    """Every page, as far as it goes. Raises what the SDK does."""
    if client.server_capabilities.tools is None:
        return []
    found, cursor = [], None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None or len(found) >= _MOST_TOOLS:
            break
    return tools_of(found[:_MOST_TOOLS])


def described(client: Client) -> str:
    """Who it says it is, and how it is spoken to."""
    info = client.server_info
    who = f"{info.name} {info.version}" if info is not None else "a server without a name"
    return cleaned(f"{who}, protocol {client.protocol_version}", SPOKEN)


def _modern(client: Client) -> bool:
    return client.protocol_version in MODERN_PROTOCOL_VERSIONS
