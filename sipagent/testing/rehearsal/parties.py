"""Parties: whom a rehearsed call dials, and how they behave: they answer or not, speak, press keys,
hang up.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from sipagent.call.dial import Dial
from sipagent.call.leg import NEXT, Leg, LegState, ReferOutcome
from sipagent.call.target import normalise
from sipagent.errors import CallError
from sipagent.media.clock import MediaClock
from sipagent.tasks import stopped
from sipagent.testing.bed.render import render
from sipagent.testing.bed.scenario import Line
from sipagent.testing.legs import FakeLeg
from sipagent.verbs.words import REASONS

from .voices import Voice

#: of whom nobody has said how they behave
_NOT_FOUND = 404
_KEY_SECONDS = 0.3
#: between two things that somebody does of themselves, seconds
_BREATH = 0.5
#: a line that is said needs no chance
_DICE = np.random.default_rng(1)
_VOICES = ("en-gb+m3", "en-us+f3", "en-gb-scotland+m1")


@dataclass(frozen=True, slots=True)
class Deed:
    """What a party does once it has answered: one of these. `after` is seconds before it."""

    says: str = ""
    presses: str = ""
    hangs_up: bool = False
    after: float = _BREATH


@dataclass(frozen=True, slots=True)
class Party:
    """How somebody behaves who is dialled; seconds from the INVITE, None where never. A `status`
    of 300 or more refuses at the time of the answer.
    """

    rings: float | None = 0.1
    answers: float | None = 1.0
    status: int = 200
    deeds: Sequence[Deed] = ()


NOBODY = Party(rings=None, answers=0.1, status=_NOT_FOUND)
BUSY = Party(answers=0.5, status=486)
NO_ANSWER = Party(answers=None)


@dataclass(slots=True)
class Parties:
    """A `Dialer` whose parties follow their scripts, and everybody's voices.

    `scripts` are by target, normalised or with `*` in it; who is in none is not found (404).
    """

    clock: MediaClock
    scripts: Mapping[str, Party]
    extensions: frozenset[str] = frozenset()
    #: told whom a far end was told to call, and how that came out
    on_referred: Callable[[str, int], None] = lambda target, status: None
    #: every INVITE sent
    dialled: list[Dial] = field(default_factory=list)
    legs: list[FakeLeg] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def seat(self, leg: FakeLeg) -> Voice:
        """Give a leg a voice, and a say in where it is referred to."""
        voice = Voice(leg.far)
        self.voices.append(voice)
        leg.on_refer_to = self._refer
        leg.on_change(lambda leg: voice.hush() if leg.state is LegState.DISCONNECTED else None)
        return voice

    def script(self, target: str) -> Party:
        """How whoever is there behaves."""
        known = self._known(target)
        for pattern, party in self.scripts.items():
            if known == self._known(pattern) or fnmatchcase(known, _wide(pattern)):
                return party
        return NOBODY

    async def dial(self, dial: Dial) -> Leg:
        """See `Dialer`."""
        self.dialled.append(dial)
        name = f"callee{len(self.legs) + 1}"
        leg = FakeLeg(self.clock, name=name, remote=dial.target, state=LegState.CALLING)
        self.legs.append(leg)
        voice = self.seat(leg)
        self._spawn(self._live(leg, voice, self.script(dial.target)))
        return leg

    async def close(self) -> None:
        """Nobody does anything more."""
        await stopped(*self._tasks)

    async def _live(self, leg: FakeLeg, voice: Voice, party: Party) -> None:
        rings, answers = party.rings, party.answers
        rung = 0.0
        if rings is not None and (answers is None or rings <= answers):
            await asyncio.sleep(rings)
            _move(leg, LegState.EARLY, 180)
            rung = rings
        if answers is None:
            return
        await asyncio.sleep(answers - rung)
        ok = party.status < 300
        _move(leg, LegState.CONFIRMED if ok else LegState.DISCONNECTED, party.status)
        for deed in party.deeds if ok else ():
            await asyncio.sleep(deed.after)
            if leg.state is not LegState.CONFIRMED:
                return
            await self._do(leg, voice, deed)

    async def _do(self, leg: FakeLeg, voice: Voice, deed: Deed) -> None:
        if deed.says:
            index = self.legs.index(leg)
            line = render(Line(say=deed.says), _VOICES[index % len(_VOICES)], _DICE)
            await voice.say(line).said.wait()
        for key in deed.presses:
            leg.far.press(key)
            await asyncio.sleep(_KEY_SECONDS)
        if deed.hangs_up:
            leg.hang_up_remotely()

    async def _refer(self, target: "str | Leg", timeout: float) -> ReferOutcome:
        """The far end of a leg calls `target` itself, and tells how that went."""
        if not isinstance(target, str):
            self.on_referred(target.info.remote, 200)
            return ReferOutcome(200, "OK")
        party = self.script(target)
        late = party.answers is None or party.answers > timeout
        await asyncio.sleep(timeout if late else party.answers or 0.0)
        status = 408 if late else party.status
        self.on_referred(target, status)
        return ReferOutcome(status, REASONS.get(status, "Failed") if status >= 300 else "OK")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _known(self, target: str) -> str:
        try:
            return normalise(target, self.extensions)
        except CallError:
            return target


def _wide(pattern: str) -> str:
    """`+44*` is a pattern of numbers, `sales@*` one of users."""
    if pattern.startswith("+"):
        return f"tel:{pattern}"
    return pattern if ":" in pattern else f"sip:{pattern}"


def _move(leg: FakeLeg, state: LegState, status: int) -> None:
    if state in NEXT[leg.state]:
        leg.move(state, status)
