"""Post: JSON messages over a WebSocket, out in order without waiting, in one by one."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from typing import Any

from sipagent.tasks import stopped

from .web_socket import Endpoint, Inbox, Wire

#: messages that may wait for a slow server: 40 s of speech
_WAITING = 2_000


class Post:
    """One connection, for sessions in which both sides speak when they like."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._out: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        self._closing = ExitStack()
        self._inbox: Inbox | None = None
        self._wire: Wire | None = None
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. Raises ProviderError."""
        self._wire = await Wire.open(self._endpoint)
        self._inbox = self._closing.enter_context(self._wire.inbox())
        self._writer = asyncio.create_task(self._write(self._wire))

    def send(self, message: Mapping[str, Any]) -> None:
        """Send it after those before it. Where too many wait, the connection has failed."""
        try:
            self._out.put_nowait(json.dumps(message))
        except asyncio.QueueFull:
            if self._inbox is not None:
                account = self._endpoint.account
                cause = f"{account.base} takes nothing more from us"
                self._inbox.put(account.error(cause, retryable=True))

    async def next(self, within: float) -> Mapping[str, Any]:
        """The next message. Raises ProviderError, also where none comes within so many seconds."""
        account = self._endpoint.account
        try:
            async with asyncio.timeout(within):
                return await self._next()
        except TimeoutError as error:
            cause = f"no word from {account.base} within {within:g} s"
            raise account.error(cause, retryable=True) from error

    async def messages(self) -> AsyncIterator[Mapping[str, Any]]:
        """Every message from now on. Raises ProviderError when the connection is over."""
        while True:
            yield await self._next()

    async def aclose(self) -> None:
        """Close it. Idempotent."""
        writer, self._writer = self._writer, None
        wire, self._wire = self._wire, None
        await stopped(writer)
        if wire is not None:
            await wire.close()
        self._closing.close()

    async def _next(self) -> Mapping[str, Any]:
        account = self._endpoint.account
        if self._inbox is None:
            raise account.error("the connection is not open", retryable=True)
        message = await self._inbox.next()
        if isinstance(message, bytes):
            message = _parsed(message)
        if message is None:
            raise account.malformed("something that is not a JSON object")
        return message

    async def _write(self, wire: Wire) -> None:
        while True:
            await wire.send(await self._out.get())


def _parsed(data: bytes) -> Mapping[str, Any] | None:
    """A message that came as binary, as Google's do."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
