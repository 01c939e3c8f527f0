"""The caller's line made private: their keys are ours alone, and everybody else hears silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from sipagent.call.keypad import Keypad
from sipagent.call.session import CallSession
from sipagent.errors import PlanError, ProviderError
from sipagent.events import SecureEntry, Warned
from sipagent.media.frames import FRAME_MS
from sipagent.media.keytones import KeyTones

from .silence import ear_on

Result = Literal["collected", "cancelled", "no_input", "invalid", "gone"]
_VOICE = 0.5
#: voice for so long is somebody saying the number
_ALOUD_MS = 800
#: how long the line stays private after the last key, ms: tones that leak beside a telephone-event
#: are as late as the jitter buffer; and a caller who did not end it themselves may type on
_TAIL_MS, _LONG_TAIL_MS, _LONGEST_TAIL_MS = 300, 1_500, 10_000


@dataclass(slots=True)
class PrivateLine:
    """What comes from the caller meanwhile, for the one who asks alone."""

    keys: Keypad = field(default_factory=Keypad)
    #: set when somebody has spoken for a while
    aloud: asyncio.Event = field(default_factory=asyncio.Event)
    result: Result = "gone"
    count: int = 0
    #: ms without a key until the line is given back; None while the entry is under way
    tail: int | None = None
    given_back: asyncio.Event = field(default_factory=asyncio.Event)

    def done(self, result: Result, count: int, *, by_key: bool) -> None:
        """The entry is over: how it came out, how many keys it had, whether a key ended it."""
        self.result, self.count = result, count
        self.tail = _TAIL_MS if by_key else _LONG_TAIL_MS


@asynccontextmanager
async def private_line(call: CallSession, secret: str, entry: str) -> AsyncIterator[PrivateLine]:
    """Until the block is left, and then until no key sounds any more, the caller's keys go to the
    line, none is told, and silence stands for what they say: in the room, in recordings, in taps.

    Raises PlanError where that is so already.
    """
    if call.private_keys is not None:
        raise PlanError("the caller is typing a secret already")
    line = PrivateLine()
    call.private_keys = line.keys
    call.room.shield(call.caller)
    call.emit(SecureEntry, change="began", secret=secret, entry=entry)
    call.spawn(_guard(call, line, secret, entry))
    cancelled = False
    try:
        yield line
    except asyncio.CancelledError:
        cancelled = True
        raise
    finally:
        if line.tail is None:
            line.tail = 0 if call.deserted else _LONG_TAIL_MS
        if not cancelled:
            await line.given_back.wait()


async def _guard(call: CallSession, line: PrivateLine, secret: str, entry: str) -> None:
    """Belongs to the call, so that the line is given back in time whoever is cancelled."""
    began = call.caller
    try:
        await _until_quiet(call, line)
    except ProviderError as error:
        # better not heard any more than overheard
        call.emit(Warned, code="secure_entry", detail=f"the line stays private: {error}")
        return
    finally:
        line.given_back.set()
    call.private_keys = None
    for party in (began, call.caller):
        call.room.unshield(party)
    call.emit(
        SecureEntry,
        change="ended",
        secret=secret,
        entry=entry,
        result=line.result,
        keys=line.count,
    )


async def _until_quiet(call: CallSession, line: PrivateLine) -> None:
    tones = KeyTones(call.bridge.rate)
    detector = call.services.detector(call.bridge.rate)
    voiced, last, over = 0, 0, None
    async with ear_on(call, call.caller) as port:
        async for frame in port.frames():
            tones.feed(frame.pcm)
            voice = not tones.sounding and detector.probability(frame.pcm) >= _VOICE
            voiced = voiced + FRAME_MS if voice else max(0, voiced - FRAME_MS)
            if voiced >= _ALOUD_MS:
                line.aloud.set()
                voiced = 0
            if line.tail is None:
                continue
            over = frame.t if over is None else over
            late = line.keys.take()
            if late is not None or tones.sounding:
                last = frame.t
            if frame.t - max(last, over) >= line.tail or frame.t - over >= _LONGEST_TAIL_MS:
                return
