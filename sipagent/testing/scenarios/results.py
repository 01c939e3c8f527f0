"""Results: what came of a scenario, step by step, as data that travels between processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sipagent.events import Event

from .transcript import Spoken


class Fate(StrEnum):
    """What became of a step, an expectation or a whole scenario."""

    PASSED = "passed"
    FAILED = "failed"
    #: not come to
    LEFT_OUT = "left out"
    #: not a matter of this stage: variables in a live call
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Part:
    """One deed or one expectation: its line, what it says, and when it was over, media-clock ms."""

    line: int
    text: str
    fate: Fate
    expectation: bool = False
    t: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What was expected, and what was there instead, line by line."""

    line: int
    expected: str
    instead: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """What of a plan a call came through: verbs of its steps by their lines, steps of agents'
    contexts (agent, context, step), numbers of routes, intents (agent, intent).
    """

    verbs: frozenset[tuple[int, str]] = frozenset()
    steps: frozenset[tuple[str, str, str]] = frozenset()
    routes: frozenset[int] = frozenset()
    intents: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "Reached") -> "Reached":
        return Reached(
            self.verbs | other.verbs,
            self.steps | other.steps,
            self.routes | other.routes,
            self.intents | other.intents,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one scenario. `seconds` are the call's, `took` ours."""

    name: str
    file: Path
    line: int
    plan: Path
    parts: tuple[Part, ...]
    failure: Failure | None
    transcript: tuple[Spoken, ...]
    events: tuple[Event, ...]
    reached: Reached
    seconds: float
    took: float
    run: int = 1
    live: bool = False

    @property
    def passed(self) -> bool:
        """True where nothing failed."""
        return self.failure is None

    @property
    def id(self) -> str:
        """`reception.test.yaml::opening hours`."""
        return f"{self.file.name}::{self.name}"
