"""The simulated stage: the agent's own code and voice detector on a virtual clock, no network."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from sipagent.agent.organs import Organs
from sipagent.agent.spec import AgentSpec
from sipagent.agent.voice import VoiceAgent
from sipagent.call.policy import Policy
from sipagent.call.services import SpeechDetector
from sipagent.errors import LegFailed
from sipagent.events import CallStarted, Event
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.tasks import stopped
from sipagent.testing.fakes import FakeCall, a_call
from sipagent.testing.virtual import run_virtual

from .activity import Activity
from .caller import AgentSilent, Caller
from .knowing import Known
from .organs import KnowingEars, PlainMouth, SparingDetector, SteadyMind
from .outcome import Outcome
from .render import Rendered
from .scenario import Scenario
from .surroundings import Surroundings
from .trial import Window, judge
from .whole import losses

#: a frame whose peak is above this is heard
_LOUD = 200
#: virtual seconds one call may take
_LONGEST = 24 * 3600.0
MakeDetector = Callable[[], SpeechDetector]


class SimulatedWire:
    """A `Wire` on a fake leg; its clock is the media clock."""

    late_ms = 2.0 * FRAME_MS

    def __init__(self, call: FakeCall, known: Known, scenario: Scenario) -> None:
        self.agent = Activity()
        self._call = call
        self._known = known
        self._around = Surroundings(scenario)
        far = call.caller.far
        far.around = self._around.around
        far.on_heard = self._heard
        self._talking = True

    @property
    def now(self) -> float:
        """See `Wire`."""
        return float(self._call.bridge.clock.t)

    def mark(self) -> float:
        """See `Wire`; how many events there are."""
        return len(self._call.events)

    def ended(self) -> None:
        """The talk is over."""
        self._talking = False

    async def sleep(self, milliseconds: float) -> None:
        """See `Wire`."""
        await asyncio.sleep(milliseconds / 1000)
        if not self._talking:
            raise LegFailed(200, "the agent ended the talk")

    async def say(self, line: Rendered) -> float:
        """See `Wire`."""
        start = self.now
        self._known.add(line, start)
        self._call.caller.far.say(line.pcm)
        return start

    def _heard(self, frame: Frame) -> None:
        pcm = frame.pcm
        loud = any(pcm) and int(np.abs(np.frombuffer(pcm, "<i2")).max()) > _LOUD
        self.agent.add(float(frame.t), loud)
        self._around.hear(pcm)


def simulate(spec: AgentSpec, scenario: Scenario, detector: MakeDetector) -> Outcome:
    """One scenario as one call to an agent; `detector` makes its voice detector, for 8 kHz.

    Raises ConfigError.
    """
    return run_virtual(_call(spec, scenario, detector), limit=_LONGEST)


async def _call(spec: AgentSpec, scenario: Scenario, detector: MakeDetector) -> Outcome:
    call = a_call()
    known, mouth = Known(scenario.partial_ms), PlainMouth()
    wire = SimulatedWire(call, known, scenario)
    organs = Organs.lone(
        SparingDetector(detector),
        KnowingEars(known),
        SteadyMind(scenario.says or "Yes.", scenario.awaits),
        mouth,
    )
    port = call.bridge.open_port("agent")
    call.session.room.join(port)
    call.session.agent = port
    call.session.emit(CallStarted, caller="scripted caller", callee="agent", plan=scenario.name)
    caller = Caller(scenario, wire)
    if scenario.over:
        spec = spec.model_copy(update={"greeting": scenario.says})
    running = asyncio.create_task(
        VoiceAgent(spec, organs).run(port, call.control("model", Policy(), allowed=frozenset()))
    )
    running.add_done_callback(lambda _: wire.ended())
    broken = ""
    try:
        await caller.run()
    except (AgentSilent, LegFailed) as error:
        broken = str(error)
    finally:
        await stopped(running)
        call.bridge.close_port(port)
        await call.close()
    lost = losses(caller.windows, call.events, call.caller.far.heard, mouth.sound)
    trials = tuple(
        judge(window, wire.agent, _between(call.events, window), missing)
        for window, missing in zip(caller.windows, lost, strict=True)
    )
    return Outcome(scenario, trials, tuple(call.events), wire.now / 1000, broken)


def _between(events: Sequence[Event], window: Window) -> Sequence[Event]:
    first, last = window.marks
    return events[int(first) : int(last)]
