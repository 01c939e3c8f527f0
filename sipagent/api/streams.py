"""Streams of events: server-sent events and WebSocket, both going on where they were left."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from sipagent.events import Event
from sipagent.tasks import stopped

from .calls import LiveCalls, NoRoomNow, Numbered, OutsideError

#: of routes that give one (WHATWG HTML section 9.2)
SSE = {"responses": {"200": {"description": "events", "content": {"text/event-stream": {}}}}}
#: between signs of life on a stream that has nothing to say, seconds
_ALIVE = 15.0


class Streams:
    """At most so many at a time. Each pulls: one that reads slowly costs nothing, and is told of
    what it missed (`gap`).
    """

    def __init__(self, calls: LiveCalls, most: int) -> None:
        self._calls = calls
        self._most = most
        self._open = 0

    def open(
        self, call_id: str | None, after: int | None, types: frozenset[str]
    ) -> AsyncIterator[Numbered | None]:
        """Items, and None where nothing happened for a while. Raises NoRoomNow."""
        if self._open >= self._most:
            raise NoRoomNow(f"{self._most} event streams are open")
        return self._items(call_id, after, types)

    async def _items(
        self, call_id: str | None, after: int | None, types: frozenset[str]
    ) -> AsyncIterator[Numbered | None]:
        self._open += 1
        source = self._calls.events(call_id, after)
        following = asyncio.ensure_future(_next(source))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=_ALIVE)
                if not done:
                    yield None
                    continue
                item = following.result()
                if item is None:
                    return
                following = asyncio.ensure_future(_next(source))
                if item.event is None or not types or item.event.type in types:
                    yield item
        finally:
            self._open -= 1
            following.cancel()
            with suppress(asyncio.CancelledError, OutsideError):
                await following

    def sse(
        self, call_id: str | None, after: int | None, types: frozenset[str]
    ) -> StreamingResponse:
        """As text/event-stream (WHATWG HTML section 9.2); `id` is the number. Raises NoRoomNow."""
        items = self.open(call_id, after, types)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(_as_sse(items), headers=headers, media_type="text/event-stream")

    async def websocket(
        self, socket: WebSocket, call_id: str | None, after: int | None, types: frozenset[str]
    ) -> None:
        """As JSON messages `{seq, event}`; `{seq, gap: true}` for a gap. Closes 1000 at the end of
        a call, 4404 where there is none, 1013 where there is no room.
        """
        await socket.accept()
        gone = asyncio.ensure_future(_gone(socket))
        sending = asyncio.ensure_future(self._send_all(socket, call_id, after, types))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            code, why = sending.result() if sending.done() else (1000, "")
        finally:
            await stopped(gone, sending)
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(code, why)

    async def _send_all(
        self, socket: WebSocket, call_id: str | None, after: int | None, types: frozenset[str]
    ) -> tuple[int, str]:
        try:
            async for item in self.open(call_id, after, types):
                if item is not None:
                    await socket.send_text(json.dumps(as_json(item)))
        except NoRoomNow as error:
            return 1013, str(error)
        except OutsideError as error:
            # the reason of a close frame has 123 bytes at most (RFC 6455 section 5.5)
            return 4000 + error.status, str(error).encode()[:120].decode("utf-8", "ignore")
        except WebSocketDisconnect:
            return 1000, ""
        return 1000, "the call is over"


def as_json(item: Numbered) -> dict[str, object]:
    """An item of a stream as data."""
    if item.event is None:
        return {"seq": item.seq, "gap": True}
    return {"seq": item.seq, "event": plain(item.event)}


def plain(event: Event) -> dict[str, object]:
    """An event as data."""
    data: dict[str, object] = event.model_dump(mode="json")
    return data


async def _next(source: AsyncIterator[Numbered]) -> Numbered | None:
    return await anext(source, None)


async def _gone(socket: WebSocket) -> None:
    """Until the far end leaves; what it says is nothing to us."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _as_sse(items: AsyncIterator[Numbered | None]) -> AsyncIterator[str]:
    """A stream that cannot go on ends with `problem`: whoever comes back is told where they
    were.
    """
    try:
        async for item in items:
            if item is None:
                yield ": alive\n\n"
            elif item.event is None:
                yield f"id: {item.seq}\nevent: gap\ndata: {{}}\n\n"
            else:
                data = item.event.model_dump_json()
                yield f"id: {item.seq}\nevent: {item.event.type}\ndata: {data}\n\n"
    except OutsideError as error:
        data = json.dumps({"type": f"urn:sipagent:problem:{error.kind}", "detail": str(error)})
        yield f"event: problem\ndata: {data}\n\n"
