"""Rehearsal: a call that goes on, as its caller has it: talk, press, interrupt, hang up."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from sipagent.call.leg import LegState
from sipagent.call.session import CallSession
from sipagent.errors import SipAgentError
from sipagent.events import Base, CallEnded, Event
from sipagent.testing.bed.render import Rendered, render
from sipagent.testing.bed.scenario import Line
from sipagent.testing.bridge import SimulatedBridge
from sipagent.testing.legs import FakeLeg

from .hearing import Listening
from .parties import Parties
from .record import Record
from .voices import Utterance, Voice

E = TypeVar("E", bound=Base)
#: the caller's own voice
VOICE = "en-us+f2"
_STEP = 0.02
#: less time than a clock of floating point may be able to pass, seconds
_MOMENT = 1e-4
#: silence after which it is the caller's turn, ms; until they speak, ms
_SILENT_MS, _REPLY_MS = 600, 400
#: how long they wait for an answer to what they did last, and until whoever speaks is done, seconds
_ANSWER, _LONGEST = 5.0, 90.0
_KEY_SECONDS = 0.25
#: how long a call may take to end once everybody has hung up, seconds
_END = 60.0


class CallOver(SipAgentError):
    """The call had ended when the caller wanted to do something in it, or is on hold for ever."""


class Rehearsal:
    """A call that goes on, and its caller. Made by `rehearse`."""

    def __init__(
        self, session: CallSession, caller: FakeLeg, voice: Voice, parties: Parties, record: Record
    ) -> None:
        self.session = session
        self.parties = parties
        self.record = record
        self._caller = caller
        self._voice = voice
        assert isinstance(session.bridge, SimulatedBridge)
        self._listening = Listening(session.bridge, caller)
        #: when what the caller did last was over, media-clock ms; how many events there were before
        self.acted = 0
        self.before = 0
        self._dice = np.random.default_rng(1)

    @property
    def events(self) -> list[Event]:
        """Everything so far."""
        return self.record.events

    def all(self, kind: type[E]) -> list[E]:
        """The events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def t(self) -> int:
        """Media clock, ms."""
        return self.session.bridge.clock.t

    @property
    def variables(self) -> Mapping[str, Any]:
        """The plan's variables."""
        found: Mapping[str, Any] = self.session.scope["vars"]
        return found

    @property
    def over(self) -> bool:
        """True once the last event is there."""
        return bool(self.events) and isinstance(self.events[-1], CallEnded)

    async def says(self, words: str | Rendered, *, over: bool = False) -> Utterance:
        """Say it when nobody speaks to the caller any more, or `over` whoever does; returns when it
        was said. In words a number in square brackets is a pause in ms. Raises CallOver.
        """
        line = words if isinstance(words, Rendered) else render(Line(say=words), VOICE, self._dice)
        return await self._utter(line, over=over)

    async def coughs(self, *, over: bool = True) -> Utterance:
        """Cough. Raises CallOver."""
        return await self._utter(render(Line(sound="cough"), VOICE, self._dice), over=over)

    async def presses(self, keys: str, *, over: bool = False) -> None:
        """Press keys, one after the other, as `says`. Raises CallOver."""
        if not over:
            await self._turn()
        self.before = len(self.events)
        for key in keys:
            self._up()
            self._caller.far.press(key)
            self.acted = self.t
            await asyncio.sleep(_KEY_SECONDS)

    async def writes(self, text: str) -> None:
        """Send a text in the call. Raises CallOver."""
        await self._turn()
        self.before = len(self.events)
        self.acted = self.t
        self._caller.far.texts.tell(text)

    async def until_spoken_to(self, ms: int, patience: float = 15.0) -> bool:
        """Wait until somebody has spoken to the caller for so long, and still does; False where
        nobody did in time. Raises CallOver.
        """
        began: int | None = None
        for _ in range(int(patience / _STEP)):
            self._up()
            if self._listening.silent_for(self.t) > _SILENT_MS / 2:
                began = None
            elif began is None:
                began = self.t
            if began is not None and self.t - began >= ms:
                return True
            await asyncio.sleep(_STEP)
        return False

    async def settles(self) -> None:
        """Wait until it is the caller's turn: what they did was answered, to the end, or is not.
        Raises CallOver.
        """
        await self._turn()

    async def waits(self, seconds: float) -> None:
        """Do nothing; less where the call ends."""
        await self.until(lambda: self.over, seconds)

    async def hangs_up(self) -> None:
        """Leave, and wait until the call has ended."""
        self.before = len(self.events)
        self.acted = self.t
        self._caller.hang_up_remotely()
        await self.ended()

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds, looked at with every event and 10 times a second."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + seconds
        while not condition():
            left = limit - loop.time()
            if left < _MOMENT:
                return False
            self.record.changed.clear()
            waiting = asyncio.ensure_future(self.record.changed.wait())
            await asyncio.wait({waiting}, timeout=min(0.1, left))
            waiting.cancel()
        return True

    async def ended(self, seconds: float = _END) -> bool:
        """Wait for the last event."""
        return await self.until(lambda: self.over, seconds)

    async def _utter(self, line: Rendered, *, over: bool) -> Utterance:
        await self._talking()
        if not over:
            await self._turn()
        self._up()
        self.before = len(self.events)
        utterance = self._voice.say(line)
        try:
            async with asyncio.timeout(_LONGEST + line.duration_ms / 1000):
                await utterance.said.wait()
        except TimeoutError:
            raise CallOver("nobody hears the caller: their line is on hold") from None
        self.acted = utterance.ended or self.t
        return utterance

    async def _turn(self) -> None:
        """Wait until it is the caller's turn: what they did was answered, to the end."""
        await self._talking()
        heard, began = self._listening, self.t
        while heard.speech.onset(self.acted) is None and self.t - self.acted < 1000 * _ANSWER:
            await self._moment()
        while heard.silent_for(self.t) < _SILENT_MS and self.t - began < 1000 * _LONGEST:
            await self._moment()
        await asyncio.sleep(_REPLY_MS / 1000)

    async def _moment(self) -> None:
        self._up()
        await asyncio.sleep(_STEP)

    async def _talking(self) -> None:
        """Wait until there is somebody to talk to: the call was answered, or plays early media."""
        await self.until(lambda: self.over or self._caller.state is not LegState.INCOMING, _LONGEST)
        self._up()

    def _up(self) -> None:
        if self.over or self._caller.state is LegState.DISCONNECTED:
            raise CallOver("the call was over")
