"""When is what the caller says over? By a key, silence, no word at all, or the clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sipagent.call.leg import Leg
from sipagent.call.session import CallSession
from sipagent.media.frames import FRAME_MS
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

#: as long as this is speech, ms; shorter is a click
_WORD_MS = 80


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends it; times in seconds, 0 and None for never."""

    keys: str = ""
    initial_timeout: float = 0.0
    end_silence: float = 0.0
    max_length: float | None = None
    #: the probability from which a frame is voice
    voice: float = 0.5

    @property
    def any(self) -> bool:
        """False where nothing ends it but a stop."""
        return bool(self.keys or self.initial_timeout or self.end_silence or self.max_length)


@dataclass(frozen=True, slots=True)
class Over:
    """`reason` is key, silence, no_voice, max_length or hangup."""

    reason: str
    key: str = ""


async def over(call: CallSession, ending: Ending, key: Callable[[], Awaitable[str]]) -> Over:
    """Wait until it is over; `key` waits for the caller's next key. Without an end of its own it
    is over with the caller.
    """
    tasks = {
        asyncio.ensure_future(_terminated(ending.keys, key)),
        asyncio.ensure_future(_silence(call, ending)),
    }
    try:
        async with asyncio.timeout(ending.max_length):
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    except TimeoutError:
        return Over("max_length")
    finally:
        await stopped(*tasks)


@asynccontextmanager
async def ear_on(call: CallSession, leg: Leg) -> AsyncIterator[AudioPort]:
    """A port that hears one leg, whatever the room, for as long as the block runs."""
    port = call.bridge.open_port("ear")
    call.bridge.connect(leg, port)
    try:
        yield port
    finally:
        call.bridge.close_port(port)


async def _terminated(keys: str, key: Callable[[], Awaitable[str]]) -> Over:
    while True:
        try:
            pressed = await key()
        except StopAsyncIteration:
            return Over("hangup")
        if pressed in keys:
            return Over("key", pressed)


async def _silence(call: CallSession, ending: Ending) -> Over:
    if not (ending.initial_timeout or ending.end_silence):
        await asyncio.Event().wait()
    detector = call.services.detector(call.bridge.rate)
    voiced = quiet = 0
    spoken = False
    async with ear_on(call, call.caller) as port:
        async for frame in port.frames():
            voice = detector.probability(frame.pcm) >= ending.voice
            voiced = voiced + FRAME_MS if voice else 0
            quiet = 0 if voice else quiet + FRAME_MS
            spoken = spoken or voiced >= _WORD_MS
            if spoken and ending.end_silence and quiet >= ending.end_silence * 1000:
                return Over("silence")
            if not spoken and ending.initial_timeout and quiet >= ending.initial_timeout * 1000:
                return Over("no_voice")
    return Over("hangup")
