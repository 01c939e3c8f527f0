"""Connection: one MCP server for one phone call, connected early, once more where it was lost."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Literal

from mcp import Client
from mcp.client._transport import TransportStreams
from mcp_types import Implementation

from sipagent.tasks import stopped
from sipagent.tools.mcp.server import (
    Change,
    Hooks,
    McpFailed,
    RemoteResult,
    RemoteText,
    RemoteTool,
)

from .causes import cause_of, is_gone
from .exchange import Exchange
from .reading import result_of, text_of
from .resources import wanted_uris
from .shelf import ToolShelf
from .watching import Watch, described, list_tools

#: gets a function to call when they have ended
Streams = Callable[[Callable[[], None]], AbstractAsyncContextManager[TransportStreams]]
#: connections in one phone call: a lost one is made once more
_ATTEMPTS = 2
#: seconds before that, and for ending one
_PAUSE, _ENDING = 0.5, 4.0


class State(StrEnum):
    """Of a connection."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    FAILED = "failed"


MOVES: dict[State, frozenset[State]] = {
    State.CONNECTING: frozenset({State.CONNECTED, State.LOST}),
    State.CONNECTED: frozenset({State.LOST}),
    State.LOST: frozenset({State.CONNECTING, State.FAILED}),
    State.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is connected to; times in seconds."""

    shown: str
    streams: Streams
    mode: Literal["auto", "legacy"] = "auto"
    connect_seconds: float = 10.0
    shelf: ToolShelf | None = None


class Connection:
    """Behind `McpServer`. One task holds the client from connecting to the end: what the SDK
    opens in a task it wants closed there.
    """

    def __init__(self, way: Way) -> None:
        self.state = State.CONNECTING
        self._way = way
        self._tools: Sequence[RemoteTool] = way.shelf.tools() if way.shelf else ()
        self._client = _awaited()
        self._followers: list[Callable[[Change], None]] = []
        self._latest: Change | None = None
        #: what is connected has ended, or is to
        self._ended = asyncio.Event()
        self._closing = False
        self._exchange = Exchange()
        self._watch = Watch(self._relisted, lambda: self._tell(Change("updated")))
        self._task = asyncio.create_task(self._run())

    @property
    def shown(self) -> str:
        """See `McpServer`."""
        return self._way.shown

    @property
    def tools(self) -> Sequence[RemoteTool]:
        """See `McpServer`."""
        return self._tools

    def follow(self, told: Callable[[Change], None]) -> Callable[[], None]:
        """See `McpServer`."""
        self._followers.append(told)
        if self._latest is not None:
            told(self._latest)
        return lambda: self._followers.remove(told) if told in self._followers else None

    async def call(self, tool: str, arguments: Mapping[str, Any], hooks: Hooks) -> RemoteResult:
        """See `McpServer`."""
        client = await asyncio.shield(self._client)

        async def told(progress: float, total: float | None, message: str | None) -> None:
            hooks.progress(message or "")

        with self._exchange.with_hooks(hooks):
            try:
                result = await client.call_tool(tool, dict(arguments), progress_callback=told)
            except Exception as error:
                # the border to the SDK, which raises what its transports do
                raise self._failed(error) from error
        return result_of(result)

    async def read(
        self, wanted: bool | tuple[str, ...], variables: Mapping[str, str]
    ) -> Sequence[RemoteText]:
        """See `McpServer`."""
        client = await asyncio.shield(self._client)
        try:
            uris = await wanted_uris(client, wanted, variables)
            texts = [
                RemoteText(name, uri, text_of(await client.read_resource(uri)))
                for name, uri in uris
            ]
            await self._watch.subscribe(client, [uri for _, uri in uris])
        except Exception as error:
            # as above
            raise self._failed(error) from error
        return texts

    async def close(self) -> None:
        """The phone call is over. Bounded, and never raises."""
        self._closing = True
        self._ended.set()
        if self.state is not State.CONNECTED:
            self._task.cancel()
        await asyncio.wait({self._task}, timeout=_ENDING)
        await stopped(self._task)

    async def _run(self) -> None:
        cause = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._tell(Change("lost", cause))
                await asyncio.sleep(_PAUSE)
                self._move(State.CONNECTING)
            try:
                await self._once()
                cause = "the connection was lost"
            except Exception as error:
                # the border to the SDK, which raises what its transports do
                cause = cause_of(error)
            if self._closing:
                return
            self._move(State.LOST)
            self._gone()
        self._move(State.FAILED)
        self._client.set_exception(McpFailed(cause))
        self._client.exception()  # where nobody waits for it, nobody minds
        self._tell(Change("failed", cause))

    async def _once(self) -> None:
        """Connect, list, and stay until it is lost or the phone call is over."""
        loop, limit = asyncio.get_running_loop(), self._way.connect_seconds
        began = loop.time()
        self._ended.clear()
        client = Client(
            self._way.streams(self._gone),
            mode=self._way.mode,
            cache=None,
            elicitation_callback=self._exchange.elicited,
            message_handler=self._watch.noticed,
            client_info=Implementation(name="sipagent", version=version("sipagent")),
        )
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(limit):
                    await stack.enter_async_context(client)
                    self._keep(await list_tools(client))
            except TimeoutError as error:
                raise McpFailed(f"not connected within {limit:g} s") from error
            self._move(State.CONNECTED)
            self._client.set_result(client)
            took = round(1000 * (loop.time() - began))
            self._tell(Change("connected", described(client), took))
            self._watch.begin(client)
            try:
                await self._ended.wait()
            finally:
                await self._watch.end()

    def _relisted(self, tools: Sequence[RemoteTool]) -> None:
        if list(tools) != list(self._tools):
            self._keep(tools)
            self._tell(Change("changed"))

    def _keep(self, tools: Sequence[RemoteTool]) -> None:
        self._tools = tools
        if self._way.shelf is not None:
            self._way.shelf.keep(tools)

    def _move(self, state: State) -> None:
        assert state in MOVES[self.state], f"{self.state} -> {state}"
        self.state = state

    def _tell(self, change: Change) -> None:
        if change.state != "updated":
            self._latest = change
        for told in tuple(self._followers):
            told(change)

    def _failed(self, error: Exception) -> McpFailed:
        """What a call came to. A connection that is gone is made anew meanwhile, once."""
        if is_gone(error):
            self._gone()
        return McpFailed(cause_of(error))

    def _gone(self) -> None:
        """Whoever calls from now on waits for the next connection."""
        self._ended.set()
        if self._client.done() and self.state is not State.FAILED:
            self._client = _awaited()


def _awaited() -> asyncio.Future[Client]:
    return asyncio.get_running_loop().create_future()
