"""Outcome: what one call of the bed came to, on whichever stage."""

from dataclasses import dataclass

from sipagent.events import Event

from .scenario import Scenario
from .trial import Trial


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call: what its lines came to, its events, and how long it was. `broken` says why the
    scenario did not come to its end, if so; the lines that are missing have failed.
    """

    scenario: Scenario
    trials: tuple[Trial, ...]
    events: tuple[Event, ...]
    seconds: float
    broken: str = ""
