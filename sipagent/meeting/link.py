"""RoomLink: a call's audio port in a room of the mixer, and again when the mixer was replaced."""

import asyncio
import socket
from collections.abc import Callable
from typing import Self

from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .mixer import Hello
from .trimming import Trimmer
from .wire import insistent

#: seconds a mixer may need to start, on a busy machine
PATIENCE = 10.0
#: ms after which what the port heard is not worth sending any more
_STALE = 100
_LARGEST = 4096
_PAUSE = 0.05


class RoomLink:
    """An async context manager: inside, the port hears the room and is heard there.

    A mixer that dies is silence; `lost` has the reason once none came back within `PATIENCE`.
    """

    def __init__(
        self,
        port: AudioPort,
        address: str,
        room: str,
        on_change: Callable[[str], None],
        *,
        patience: float = PATIENCE,
    ) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.muted = False
        self._port = port
        self._address = address
        self._hello = Hello(room=room, rate=port.rate)
        self._on_change = on_change
        self._patience = patience
        #: whether the mixer speaks to us; None before it ever did
        self._there: bool | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        await stopped(self._task)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while True:
            try:
                left = self._patience - (loop.time() - since)
                wire = await insistent(self._address, self._hello, left)
            except TimeoutError:
                if not self.lost.done():
                    self.lost.set_result(f"no mixer within {self._patience:g} seconds")
                return
            with wire:
                await self._carry(wire)
            if self._there is not True:
                await asyncio.sleep(_PAUSE)  # it was dying when it took us
                continue
            self._there, since = False, loop.time()
            self._on_change("lost")

    async def _carry(self, wire: socket.socket) -> None:
        """Until the mixer is gone."""
        speaking = asyncio.create_task(self._speak(wire))
        try:
            await self._hear(wire)
        finally:
            await stopped(speaking)

    async def _speak(self, wire: socket.socket) -> None:
        async for frame in self._port.frames():
            if self.muted or self._port.clock.t - frame.t > _STALE:
                continue
            try:
                wire.send(frame.pcm)
            except BlockingIOError:
                continue  # the mixer is behind; what is live is not worth keeping
            except OSError:
                return  # `_hear` sees the end

    async def _hear(self, wire: socket.socket) -> None:
        loop, port, trimmer = asyncio.get_running_loop(), self._port, Trimmer()
        while True:
            try:
                pcm = await loop.sock_recv(wire, _LARGEST)
            except OSError:
                return
            if not pcm:
                return
            if self._there is not True:
                if self._there is False:
                    self._on_change("remade")
                self._there = True
            if trimmer.admit(port.position - port.played):
                await port.play(pcm)
