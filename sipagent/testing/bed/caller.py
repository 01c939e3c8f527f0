"""Caller: goes through a scenario on a wire, simulated or real, and keeps each line as played."""

import math
from itertools import cycle
from typing import Protocol

import numpy as np

from sipagent.errors import SipAgentError

from .activity import Activity
from .render import Rendered, render
from .scenario import Line, Scenario
from .sounds import Dice
from .trial import QUIET_MS, Window

_STEP_MS = 20.0
#: between the agent's last sound and the caller's first word
_REPLY_MS = (350, 800)
#: an agent that was not heard for so long is silent: longer than its pauses between sentences
_SILENT_MS = 600.0
#: how long the outcome of talking over the agent is watched after the caller's last sound: a turn
#: that ends may still change it
_WATCH_MS = 1000.0
#: after its answer began, until what is on record of it is there
_SETTLE_MS = 100.0
#: the longest a caller lets an agent talk before a turn of theirs
_LONGEST_MS = 120_000.0
#: what makes an agent talk that is silent when it is to be talked over
_NUDGE = Line(say="Please go on.")
_TRIES = 10


class Wire(Protocol):
    """A caller's end of a call. Times are ms on one clock, that of the audio passing here."""

    @property
    def now(self) -> float:
        """The time."""
        ...

    @property
    def late_ms(self) -> float:
        """An agent whose newest sound is no older than this still speaks."""
        ...

    @property
    def agent(self) -> Activity:
        """What is heard of the agent."""
        ...

    def mark(self) -> float:
        """A place among the call's events: after those so far."""
        ...

    async def sleep(self, milliseconds: float) -> None:
        """Let time pass. Raises LegFailed when the call ends meanwhile."""
        ...

    async def say(self, line: Rendered) -> float:
        """Begin to send a line; the time of its first sample on the wire."""
        ...


class AgentSilent(SipAgentError):
    """The agent does not speak, though it was asked to."""


class Caller:
    """One run of a scenario. `windows` are its lines so far."""

    def __init__(self, scenario: Scenario, wire: Wire) -> None:
        self.windows: list[Window] = []
        self._scenario = scenario
        self._wire = wire
        self._dice: Dice = np.random.default_rng(scenario.seed)
        self._voices = cycle(scenario.voices)

    async def run(self) -> None:
        """All of it. Raises AgentSilent, LegFailed, ConfigError."""
        for _ in range(self._scenario.times):
            for line in self._scenario.lines:
                made = render(line, next(self._voices), self._dice)
                match self._scenario.expects:
                    case "answered":
                        await self._take_turn(made)
                    case "asked":
                        await self._keep_silent(made)
                    case "yielded" | "resumed":
                        await self._talk_over(made)

    async def _take_turn(self, line: Rendered) -> None:
        await self._agent_silent()
        await self._wire.sleep(float(self._dice.uniform(*_REPLY_MS)))
        first = self._wire.mark()
        start = await self._wire.say(line)
        await self._until(start + line.end_ms)
        await self._answer(start + line.end_ms)
        self._keep(line, start, first)

    async def _keep_silent(self, line: Rendered) -> None:
        await self._agent_silent()
        first, start = self._wire.mark(), self._wire.now
        await self._answer(start)
        self._keep(line, start, first)

    async def _talk_over(self, line: Rendered) -> None:
        wire = self._wire
        await self._agent_speaks()
        first = wire.mark()
        start = await wire.say(line) if line.pcm else wire.now
        await self._until(start + max(line.end_ms, float(self._scenario.hold_ms)))
        await wire.sleep(_WATCH_MS)
        self._keep(line, start, first)

    async def _answer(self, since: float) -> None:
        wire = self._wire
        limit = since + self._scenario.patience_ms
        while wire.agent.onset(since) is None and wire.now < limit:
            await wire.sleep(_STEP_MS)
        await wire.sleep(_SETTLE_MS)

    async def _agent_silent(self) -> None:
        wire = self._wire
        limit = wire.now + _LONGEST_MS
        while wire.now - wire.agent.last < _SILENT_MS and wire.now < limit:
            await wire.sleep(_STEP_MS)

    async def _agent_speaks(self) -> None:
        """Until it has spoken for as long as the scenario says, and still does."""
        wire, dice = self._wire, self._dice
        for _ in range(_TRIES):
            if wire.now - wire.agent.last > QUIET_MS:
                await self._agent_begins()
            await wire.sleep(float(dice.uniform(*self._scenario.at_ms)))
            if wire.now - wire.agent.last <= wire.late_ms:
                return
        raise AgentSilent(f"{self._scenario.name}: the agent never speaks for long enough")

    async def _agent_begins(self) -> None:
        wire = self._wire
        for _ in range(_TRIES):
            since = wire.now
            limit = since + self._scenario.patience_ms
            while wire.agent.onset(since) is None and wire.now < limit:
                await wire.sleep(_STEP_MS)
            if wire.agent.onset(since) is not None:
                return
            nudge = render(_NUDGE, self._scenario.voices[0], self._dice)
            await self._until(await wire.say(nudge) + nudge.duration_ms)
        raise AgentSilent(f"{self._scenario.name}: the agent does not speak")

    async def _until(self, at: float) -> None:
        if (left := at - self._wire.now) > 0:
            await self._wire.sleep(math.ceil(left / _STEP_MS) * _STEP_MS)

    def _keep(self, line: Rendered, start: float, first: float) -> None:
        marks = (first, self._wire.mark())
        self.windows.append(Window(self._scenario, line, start, self._wire.now, marks))
