"""Channel: typed messages over a stream socket, one length-framed JSON object each."""

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from sipagent.errors import SipAgentError

log = structlog.get_logger(__name__)

MAX_FRAME = 1 << 20  #: bytes of JSON in one message
MAX_PENDING = 2 << 20  #: bytes a peer may leave unread before it counts as dead
_LENGTH = struct.Struct("!I")

Sent = TypeVar("Sent", bound=BaseModel)
Received = TypeVar("Received")


class ChannelError(SipAgentError):
    """A frame that is too big, cut short, or no message of the protocol."""


class Channel(AsyncIterator[Received], Generic[Sent, Received]):
    """One end of a connection between gateway and worker; iterate it to read.

    `incoming` is the adapter of what the other end says. A frame is four bytes of length, big
    endian, then JSON.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        incoming: TypeAdapter[Received],
        *,
        max_pending: int = MAX_PENDING,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = incoming
        self._max_pending = max_pending
        self._waiting = bytearray()
        # With a mark of zero `drain` means "the kernel has it", so that a process may exit then.
        writer.transport.set_write_buffer_limits(0)

    @property
    def closed(self) -> bool:
        """True once this end was closed, by `close` or by a peer that does not read."""
        return self._writer.is_closing()

    def send(self, message: Sent) -> None:
        """Queue a message; never waits. On a closed channel it is dropped.

        What is sent in one turn of the loop goes out together at its end: each write wakes the
        other process, which costs more than the message. At the bound the channel is closed and
        the peer counted as dead: iteration ends on both sides. Raises
        ChannelError for a message above MAX_FRAME.
        """
        body = message.model_dump_json().encode()
        if len(body) > MAX_FRAME:
            raise ChannelError(
                f"{type(message).__name__} of {len(body)} bytes, at most {MAX_FRAME}"
            )
        if self.closed:
            return
        pending = self._writer.transport.get_write_buffer_size() + len(self._waiting)
        if pending + len(body) > self._max_pending:
            log.error("channel_peer_does_not_read", pending=pending)
            self._writer.transport.abort()
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting += _LENGTH.pack(len(body)) + body

    async def __anext__(self) -> Received:
        """The next message, until either end closes. Raises ChannelError, its cause attached."""
        body = await self._frame()
        if body is None:
            raise StopAsyncIteration
        try:
            return self._incoming.validate_json(body)
        except ValidationError as error:
            # The text of a validation error quotes its input: personal data stays out of logs.
            what = "; ".join(f"{e['loc']}: {e['type']}" for e in error.errors())
            raise ChannelError(f"not a message of the protocol: {what}") from error

    async def drain(self) -> None:
        """Wait until all that was sent is with the kernel, or the peer is gone."""
        self._flush()
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        """Close this end; what was sent before still goes out. Idempotent."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting and not self.closed:
            self._writer.write(bytes(self._waiting))
        self._waiting.clear()

    async def _frame(self) -> bytes | None:
        try:
            head = await self._reader.readexactly(_LENGTH.size)
            (length,) = _LENGTH.unpack(head)
            if length > MAX_FRAME:
                raise ChannelError(f"a frame of {length} bytes, at most {MAX_FRAME}")
            return await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            if error.expected == _LENGTH.size and not error.partial:
                return None
            raise ChannelError("a frame was cut short") from error
        except ConnectionError:
            return None
