"""Updates: subscribers are told that a resource changed, in both eras of the protocol."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from sipagent.errors import SipAgentError
from sipagent.events import (
    CallEnded,
    CallStarted,
    Event,
    HoldChanged,
    LegChanged,
    RecordingStarted,
    RecordingStopped,
    Said,
)
from sipagent.tasks import stopped

from ..calls import LiveCalls
from .resources import ACTIVE, PARTS

log = structlog.get_logger(__name__)

#: changes are gathered so long before they are told: a resource is told of at most this often
_GATHER = 0.5
#: what one session may subscribe to
_MOST = 200
#: before events are asked for again when they cannot be had, seconds
_AGAIN = 2.0
#: events that change what a call looks like
_VISIBLE = (CallStarted, CallEnded, LegChanged, HoldChanged, RecordingStarted, RecordingStopped)


class Updates:
    """Streams of the 2026-07-28 era hear by the bus; sessions of the handshake era, which subscribe
    one URI at a time, hear by their own connection.
    """

    def __init__(self, calls: LiveCalls) -> None:
        self.bus = InMemorySubscriptionBus()
        self._calls = calls
        self._clients: WeakKeyDictionary[Connection, set[str]] = WeakKeyDictionary()
        self._changed: set[str] = set()
        self._news = asyncio.Event()

    def serve(self, server: MCPServer[Any]) -> None:
        """Take subscriptions of handshake-era sessions."""
        # what the SDK says to use for a method its newest revision took out (MethodBinding)
        low = server._lowlevel_server
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        low.add_request_handler(
            "resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the calls while the block runs."""
        tasks = (
            asyncio.ensure_future(self._follow()),
            asyncio.ensure_future(self._tell()),
        )
        try:
            yield
        finally:
            await stopped(*tasks)

    async def _follow(self) -> None:
        while True:
            try:
                async for item in self._calls.events():
                    if item.event is not None:
                        self._changed.update(changed_by(item.event))
                        self._news.set()
            except SipAgentError as error:
                log.warning("mcp_updates_interrupted", cause=str(error))
            await asyncio.sleep(_AGAIN)

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(_GATHER)
            self._news.clear()
            changed, self._changed = self._changed, set()
            for uri in sorted(changed):
                await self.bus.publish(ResourceUpdated(uri))
            for client, uris in list(self._clients.items()):
                for uri in sorted(changed & uris):
                    # one that is gone takes its subscriptions along
                    with suppress(Exception):
                        async with asyncio.timeout(_GATHER):
                            await client.send_resource_updated(uri)

    async def _subscribe(
        self, context: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        uris = self._clients.setdefault(_client(context), set())
        if len(uris) < _MOST:
            uris.add(str(params.uri))
        return EmptyResult()

    async def _unsubscribe(
        self, context: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._clients.get(_client(context), set()).discard(str(params.uri))
        return EmptyResult()


def _client(context: ServerRequestContext[Any, Any]) -> Connection:
    """Whose request it is; the session of a context lasts no longer than the request."""
    return context.session._connection


def changed_by(event: Event) -> Iterator[str]:
    """Resources that read differently after an event."""
    transcript, events, recording = (f"call://{event.call_id}/{part}" for part in PARTS)
    yield events
    if isinstance(event, Said):
        yield transcript
    if isinstance(event, RecordingStopped):
        yield recording
    if isinstance(event, _VISIBLE):
        yield f"call://{event.call_id}"
        yield ACTIVE
