"""Background: sound under the agent's voice, which the caller alone hears."""

import asyncio

from pydantic import Field

from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .parts import Part


class BackgroundSpec(Part):
    """`{file: URL, loops: 3, volume: -10}`."""

    file: str = Field(default="", description="any URL that `play` takes")
    loops: int | None = Field(default=None, ge=1, description="how often; default: without an end")
    volume: float = Field(default=0.0, ge=-50, le=50, description="dB")


class Background:
    """One a talk: what plays is replaced by what is played next."""

    def __init__(self, call: CallSession, name: str = "background") -> None:
        self._call = call
        self._name = name
        self._task: asyncio.Task[None] | None = None

    @property
    def playing(self) -> bool:
        """True until it was played, or stopped."""
        return self._task is not None and not self._task.done()

    def play(self, spec: BackgroundSpec) -> None:
        """Begin; what cannot be played is on record, and nothing else comes of it."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._call.spawn(self._run(spec))

    async def stop(self) -> None:
        """End at once."""
        task, self._task = self._task, None
        await stopped(task)

    async def _run(self, spec: BackgroundSpec) -> None:
        call = self._call
        port = call.bridge.open_port(self._name)
        call.room.whisper(port, call.caller)
        try:
            await self._loops(port, spec)
            await port.mark().reached()
        except CallError as error:
            call.emit(Warned, code=self._name, detail=str(error))
        finally:
            call.room.stop_whisper(port)
            call.bridge.close_port(port)

    async def _loops(self, port: AudioPort, spec: BackgroundSpec) -> None:
        count = 0
        while spec.loops is None or count < spec.loops:
            before = port.position
            sound = self._call.services.sounds.load(spec.file, rate=port.rate, volume=spec.volume)
            async for pcm in sound:
                await port.play(pcm)
            count += 1
            if port.position == before:
                return
