"""WebSocket taps: a call's audio to a server, and back from it.

Ours: first one text message

    {"event": "start", "version": 1, "call_id": ..., "control_id": ..., "from": ..., "to": ...,
     "parameters": {...}, "tracks": ["speak", "listen"], "codec": "PCMU", "rate": 8000, "ptime": 20}

then a binary message a packet: track (1 byte, its index in `tracks`), 0 (1 byte), sequence number
of the track (2 bytes, wraps), media time in ms (4 bytes), all in network order, then G.711. At the
end {"event": "stop", "reason": ..., "sent": ..., "dropped": ...}. After a reconnection comes
another "start".

Theirs: binary messages are G.711 in the same codec, without any header, and are played to the
call; {"event": "clear"} drops what waits to be played.
"""

import asyncio
import json
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake, InvalidURI

from sipagent.call.tap_wires import TapOrder, Track
from sipagent.errors import CallError
from sipagent.media.g711 import decode
from sipagent.media.resample import Resampler
from sipagent.tasks import stopped

from .straight import Straight
from .tap_frames import RATE, Packetiser

#: messages that may wait for a slow server, and pieces that may wait to be played
_WAITING, _UNHEARD = 100, 500
#: seconds to connect; then, where a connection breaks, pauses before each new try
_CONNECT = 5.0
_PAUSES = (0.2, 1.0, 3.0)
_CLOSE = 1.0
_LARGEST = 65_536
_HEAD = struct.Struct("!BBHI")


class WebSocketTap:
    """A `TapWire`. The oldest waiting message goes when a server is slow."""

    def __init__(self, order: TapOrder) -> None:
        self._order = order
        self._packets = {track: Packetiser(order) for track in order.tracks}
        self._numbers = dict.fromkeys(order.tracks, 0)
        self._waiting: deque[bytes] = deque(maxlen=_WAITING)
        self._more = asyncio.Event()
        self._unheard: deque[bytes] = deque(maxlen=_UNHEARD)
        self._came = asyncio.Event()
        self._cleared = False
        self._sent = self._dropped = 0
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._work: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None

    @classmethod
    async def open(cls, order: TapOrder) -> "WebSocketTap":
        """A connected tap. Raises CallError."""
        tap = cls(order)
        try:
            tap._socket = await _connected(order)
        except _Refused as error:
            raise CallError(f"{order.uri}: {error}") from error
        tap._work = asyncio.create_task(tap._run())
        return tap

    def send(self, track: Track, pcm: bytes, t: int) -> None:
        """See `TapWire`."""
        index = self._order.tracks.index(track)
        for payload in self._packets[track].feed(pcm):
            number = self._numbers[track]
            self._numbers[track] = (number + 1) & 0xFFFF
            if len(self._waiting) == _WAITING:
                self._dropped += self._order.ptime // 20
            self._waiting.append(_HEAD.pack(index, 0, number, t & 0xFFFFFFFF) + payload)
        self._more.set()

    async def received(self) -> AsyncIterator[bytes | None]:
        """See `TapWire`."""
        resampler = Resampler(RATE, self._order.rate)
        while True:
            if self._cleared:
                self._cleared = False
                yield None
            while self._unheard:
                yield resampler.feed(decode(self._order.codec, self._unheard.popleft()))
            if self._failed.done():
                return
            self._came.clear()
            await self._came.wait()

    async def failed(self) -> str:
        """See `TapWire`."""
        return await asyncio.shield(self._failed)

    async def close(self) -> tuple[int, int]:
        """See `TapWire`."""
        if self._work is not None:
            work, self._work = self._work, None
            await stopped(work)
            await self._farewell()
        self._give_up("closed")
        return self._sent, self._dropped

    async def _run(self) -> None:
        """Send and hear, over one connection after the other, until none can be had."""
        while self._socket is not None:
            try:
                await self._converse(self._socket)
            except* ConnectionClosedOK:
                self._socket = None
                self._give_up("the server ended it")
            except* (ConnectionClosed, OSError):
                self._socket = None
            if not self._failed.done():
                self._socket = await self._again()
        self._give_up("the connection broke")

    async def _again(self) -> ClientConnection | None:
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            with suppress(_Refused):
                return await _connected(self._order)
        return None

    async def _converse(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps(self._start()))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear(socket))
            group.create_task(self._tell(socket))

    async def _tell(self, socket: ClientConnection) -> None:
        while True:
            while self._waiting:
                await socket.send(self._waiting.popleft())
                self._sent += 1
            self._more.clear()
            if not self._waiting:
                await self._more.wait()

    async def _hear(self, socket: ClientConnection) -> None:
        while True:
            message = await socket.recv()
            if isinstance(message, bytes):
                # in frames, so that the bound is one of time
                self._unheard.extend(message[i : i + 160] for i in range(0, len(message), 160))
                self._came.set()
            elif _event(message) == "clear":
                self._unheard.clear()
                self._cleared = True
                self._came.set()

    async def _farewell(self) -> None:
        socket, self._socket = self._socket, None
        if socket is None:
            return
        told = {"event": "stop", "sent": self._sent, "dropped": self._dropped}
        with suppress(ConnectionClosed, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE):
                await socket.send(json.dumps(told))
                await socket.close()

    def _start(self) -> dict[str, object]:
        order = self._order
        media = {"tracks": order.tracks, "codec": order.codec, "rate": RATE, "ptime": order.ptime}
        return {"event": "start", "version": 1, **order.about, **media}

    def _give_up(self, reason: str) -> None:
        if not self._failed.done():
            self._failed.set_result(reason)
        self._came.set()


class _Refused(Exception):
    """No connection can be had; says why."""


async def _connected(order: TapOrder) -> ClientConnection:
    """Raises _Refused."""
    headers = {} if order.bearer is None else {"Authorization": f"Bearer {order.bearer}"}
    try:
        return await Straight(
            order.uri,
            additional_headers=headers,
            open_timeout=_CONNECT,
            close_timeout=_CLOSE,
            max_size=_LARGEST,
            compression=None,
            proxy=None,
        )
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise _Refused(str(error) or type(error).__name__) from error


def _event(message: str) -> object:
    try:
        told = json.loads(message)
    except ValueError:
        return None
    return told.get("event") if isinstance(told, dict) else None


async def make(order: TapOrder) -> WebSocketTap:
    """A connected tap. Raises CallError."""
    return await WebSocketTap.open(order)


def preload() -> None:
    """Nothing beyond the import."""
