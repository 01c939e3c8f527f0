"""A whole call without a network, a vendor or a clock: `a_call()` and the fakes it is made of."""

import asyncio
import math
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sipagent.call.control import CallControl, Presence
from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.call.services import Baton, Heard, Overheard, Services, Talker
from sipagent.call.session import CallSession
from sipagent.call.step import Program
from sipagent.errors import CallError, PlanError, ProviderError
from sipagent.events import Base, Event
from sipagent.media.port import AudioPort
from sipagent.media.wav import WavWriter

from .bridge import SimulatedBridge
from .legs import BUSY, NO_ANSWER, FakeDialer, FakeLeg, FarEnd, Script, tone
from .organs import BeepMouth, Fault, Line, LoudnessVad, Partial, Reply, ScriptedBrain, ScriptedEars
from .taps import FakeTapWires

__all__ = [
    "BUSY",
    "NO_ANSWER",
    "BeepMouth",
    "FakeCall",
    "FakeDialer",
    "FakeExpressions",
    "FakeHearing",
    "FakeLeg",
    "FakeListening",
    "FakeModel",
    "FakeSounds",
    "FakeTalkers",
    "FakeTexts",
    "FarEnd",
    "Fault",
    "Line",
    "LoudnessVad",
    "Partial",
    "Reply",
    "Script",
    "ScriptedBrain",
    "ScriptedEars",
    "a_call",
    "tone",
]

E = TypeVar("E", bound=Base)
_TEMPLATE = re.compile(r"[$%]\{([^}]*)\}")
_BEGIN = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


class FakeExpressions:
    """Plain dotted paths only; `values` scripts what any other expression evaluates to."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values = dict(values or {})

    def expand(self, value: Any, scope: Mapping[str, Any]) -> Any:
        """See `Expressions`."""
        if isinstance(value, Mapping):
            return {key: self.expand(item, scope) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.expand(item, scope) for item in value]
        if not isinstance(value, str):
            return value
        if lone := _TEMPLATE.fullmatch(value):
            return self.evaluate(lone[1], scope)
        return _TEMPLATE.sub(lambda found: str(self.evaluate(found[1], scope)), value)

    def evaluate(self, expression: str, scope: Mapping[str, Any]) -> Any:
        """See `Expressions`. Raises PlanError for what is neither scripted nor a path."""
        path = expression.strip()
        if path in self.values:
            return self.values[path]
        if not re.fullmatch(r"[A-Za-z_][\w.]*", path):
            raise PlanError(f"no value was scripted for {path!r}")
        node: Any = {**scope, **scope.get("vars", {})}
        for key in path.split("."):
            node = node.get(key, "") if isinstance(node, Mapping) else ""
        return node


class FakeSounds:
    """`silence:SECONDS` is silence; everything else is 100 ms of tone a word of its URL.

    URLs listed in `missing` cannot be played.
    """

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.loaded: list[str] = []
        self.missing = set(missing)

    async def load(
        self,
        url: str,
        *,
        rate: int,
        voice: str | None = None,
        volume: float = 0.0,
        language: str = "",
        gender: str = "",
    ) -> AsyncIterator[bytes]:
        """See `Sounds`."""
        self.loaded.append(url)
        if url in self.missing:
            raise CallError(f"{url} cannot be played")
        if url.startswith("silence:"):
            yield bytes(int(float(url.partition(":")[2] or 0) * rate) * 2)
            return
        for _ in url.split():
            yield tone(100, rate=rate, level=int(6000 * math.pow(10, volume / 20)))


class FakeHearing:
    """Gives scripted answers, each `takes` seconds after it was asked for; then None for ever."""

    def __init__(self, *answers: Heard | None, takes: float = 1.0) -> None:
        self._answers = iter(answers)
        self._takes = takes
        self.phrases: list[tuple[str, ...]] = []
        #: language and engine of each
        self.wishes: list[tuple[str, str]] = []

    async def hear(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str],
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None = None,
        language: str = "",
        engine: str = "",
    ) -> Heard | None:
        """See `Hearing`."""
        self.phrases.append(tuple(phrases))
        self.wishes.append((language, engine))
        answer = next(self._answers, None)
        if answer is None or self._takes > initial_timeout:
            await asyncio.sleep(initial_timeout)
            return None
        await asyncio.sleep(self._takes)
        if on_speech is not None:
            on_speech()
        return answer

    def listen(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str] = (),
        end_timeout: float = 0.8,
        language: str = "",
        engine: str = "",
    ) -> AsyncIterator[Overheard]:
        """See `Hearing`."""
        raise ProviderError(engine or "ears", "there are no ears here that hear any words")


class FakeListening(FakeHearing):
    """Ears that hear of each port what `says` holds for it by the end of its name: seconds and
    words; when the port closes, `last` words come.
    """

    def __init__(
        self, says: Mapping[str, Sequence[tuple[float, str]]], last: str = "", fault: str = ""
    ) -> None:
        super().__init__()
        self._says = says
        self._last = last
        self._fault = fault

    def listen(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str] = (),
        end_timeout: float = 0.8,
        language: str = "",
        engine: str = "",
    ) -> AsyncIterator[Overheard]:
        """See `Hearing`."""
        if engine == "none":
            raise ProviderError(engine, "there are no such ears")
        self.phrases.append(tuple(phrases))
        self.wishes.append((language, engine))
        role = next((name for name in self._says if port.name.endswith(name)), "")
        return self._heard(port, self._says.get(role, ()))

    async def _heard(
        self, port: AudioPort, says: Sequence[tuple[float, str]]
    ) -> AsyncIterator[Overheard]:
        closed = asyncio.ensure_future(_until_closed(port))
        for at, words in says:
            # a port that nobody speaks on has no frames to tell the time by
            await asyncio.wait({closed}, timeout=at - port.clock.t / 1000)
            if closed.done():
                break
            if self._fault:
                closed.cancel()
                raise ProviderError("ears", self._fault)
            yield Overheard(words, 0.9, port.clock.t, port.clock.t)
        await closed
        if self._last:
            yield Overheard(self._last)


async def _until_closed(port: AudioPort) -> None:
    async for _ in port.frames():
        pass


class FakeModel:
    """Answers with what `answer` makes of a prompt and a text; it is `Models` and `Model`."""

    def __init__(self, answer: Callable[[str, str], str]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, str]] = []
        self.closed = 0

    def open(self, call: CallSession, name: str = "") -> "FakeModel":
        """See `Models`."""
        return self

    async def write(self, prompt: str, text: str, *, timeout: float = 20.0) -> str:
        """See `Model`. An empty answer is a failure."""
        self.asked.append((prompt, text))
        answer = self._answer(prompt, text)
        if not answer:
            raise ProviderError("model", "it is out of order")
        return answer

    async def aclose(self) -> None:
        """See `Model`."""
        self.closed += 1


class FakeTexts:
    """Keeps every text sent; `failure` is raised in its place."""

    def __init__(self, failure: CallError | None = None, status: int = 202) -> None:
        self.sent: list[tuple[str, str, str | None]] = []
        self._failure = failure
        self._status = status

    async def send(self, target: str, text: str, *, sender: str | None = None) -> int:
        """See `Texts`."""
        self.sent.append((target, text, sender))
        if self._failure is not None:
            raise self._failure
        return self._status


class FakeTalkers:
    """Talkers by name; an inline agent is looked up as "inline"."""

    def __init__(
        self, talkers: Mapping[str, Talker] | None = None, verbs: frozenset[str] = frozenset()
    ) -> None:
        self.talkers = dict(talkers or {})
        self.verbs = verbs
        self.opened: list[str | Mapping[str, Any]] = []
        self.batons: list[Baton] = []

    def open(
        self, agent: str | Mapping[str, Any], call_id: str, baton: Baton | None = None
    ) -> tuple[Talker, frozenset[str]]:
        """See `Talkers`. Raises PlanError."""
        self.opened.append(agent)
        if baton is not None:
            self.batons.append(baton)
        try:
            return self.talkers[agent if isinstance(agent, str) else "inline"], self.verbs
        except KeyError as error:
            raise PlanError(f"no agent named {agent!r}") from error


@dataclass
class FakeCall:
    """A call session and everything around it that a test may want to touch."""

    session: CallSession
    caller: FakeLeg
    bridge: SimulatedBridge
    dialer: FakeDialer
    services: Services
    events: list[Event] = field(default_factory=list)

    def all(self, kind: type[E]) -> list[E]:
        """The events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def control(
        self,
        by: str = "dialplan",
        *policies: Policy,
        allowed: frozenset[str] | None = None,
        presence: Presence | None = None,
    ) -> CallControl:
        """One principal's hands on this call; without policies everything is permitted."""
        return CallControl(
            self.session, policies or (Policy(destinations=("*",)),), by, allowed, presence
        )

    async def close(self) -> None:
        """End the call and stand still."""
        await self.session.end()
        self.bridge.stop()


def a_call(
    *,
    rate: int = 8000,
    answered: bool = True,
    scripts: Mapping[str, Script] | None = None,
    bundle: Path | None = None,
    program: Program | None = None,
    variables: Mapping[str, Any] | None = None,
    **fakes: Any,
) -> FakeCall:
    """An incoming call on a running simulated bridge; to be called on a running VirtualLoop.

    `scripts` says how dialled parties behave; `fakes` replaces members of `Services` by name.
    The clock of `services.now` starts on a Monday at 10:00 UTC and follows the loop.
    """
    loop = asyncio.get_running_loop()
    bridge = SimulatedBridge(rate)
    bridge.start()
    caller = FakeLeg(bridge.clock, rate=rate)
    bridge.seat(caller)
    dialer = FakeDialer(bridge.clock, scripts, rate=rate)
    house: dict[str, Any] = {
        "dialer": dialer,
        "texts": FakeTexts(),
        "expressions": FakeExpressions(),
        "sounds": FakeSounds(),
        "hearing": FakeHearing(),
        "talkers": FakeTalkers(),
        "detector": lambda rate: LoudnessVad(),
        "writers": {"wav": WavWriter, "mp3": WavWriter},
        "tap_wires": FakeTapWires(),
        "now": lambda: _BEGIN + timedelta(seconds=loop.time()),
        "bundle": bundle or Path(tempfile.gettempdir()) / "sipagent-fake-bundle",
    }
    services = Services(**(house | fakes))
    events: list[Event] = []
    session = CallSession(
        "call-1", caller, bridge, services, events.append, program=program, variables=variables
    )
    if answered:
        caller.move(LegState.CONFIRMED, 200)
    return FakeCall(session, caller, bridge, dialer, services, events)
