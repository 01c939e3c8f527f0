"""Coverage: what of a plan the calls of a run came through, and what they did not. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sipagent.dialplan.load import examine
from sipagent.dialplan.model import Plan
from sipagent.sources import Source, read

from .results import Reached, Result

#: steps that are marks, and nothing one comes through
_MARKS = frozenset({"label"})


@dataclass(frozen=True, slots=True)
class Place:
    """Something of a plan that calls come through, or not."""

    kind: str
    name: str
    line: int
    reached: bool


@dataclass(frozen=True, slots=True)
class PlanCoverage:
    """One plan: its routes, the steps of its sections and of its agents, and their intents."""

    file: Path
    places: tuple[Place, ...]

    @property
    def reached(self) -> int:
        """How many places were reached."""
        return sum(place.reached for place in self.places)

    @property
    def percent(self) -> float:
        """0..100; a plan without places is covered."""
        return 100.0 * self.reached / len(self.places) if self.places else 100.0

    @property
    def missed(self) -> tuple[Place, ...]:
        """What was not reached, in the order of its lines."""
        return tuple(place for place in self.places if not place.reached)


def coverage(results: Iterable[Result]) -> list[PlanCoverage]:
    """Of every plan that was played, in the order of their files. Raises ConfigError where one
    cannot be read any more.
    """
    reached: dict[Path, Reached] = {}
    for result in results:
        reached[result.plan] = reached.get(result.plan, Reached()) | result.reached
    return [_covered(path, seen) for path, seen in sorted(reached.items())]


def percent(plans: Sequence[PlanCoverage]) -> float:
    """Of all plans together, 0..100."""
    places = sum(len(plan.places) for plan in plans)
    return 100.0 * sum(plan.reached for plan in plans) / places if places else 100.0


def _covered(path: Path, seen: Reached) -> PlanCoverage:
    source = read(path)
    reading = examine(source)
    places = [
        Place(
            "step",
            f"{step.section}: {step.verb.name}",
            step.step.line,
            (step.step.line, step.verb.name) in seen.verbs,
        )
        for step in reading.steps
        if step.verb.name not in _MARKS
    ]
    if reading.plan is not None:
        places += _routes(reading.plan, source, seen)
        places += _agents(reading.plan, source, seen)
    return PlanCoverage(path, tuple(sorted(places, key=lambda place: place.line)))


def _routes(plan: Plan, source: Source, seen: Reached) -> Iterator[Place]:
    for number, route in enumerate(plan.routes):
        name = f"to {', '.join(route.to) or 'any number'}"
        yield Place("route", name, source.place(("routes", number))[0], number in seen.routes)


def _agents(plan: Plan, source: Source, seen: Reached) -> Iterator[Place]:
    for agent, spec in plan.agents.items():
        embedded = any(ref.provider == "intents" for ref in spec.brain)
        for intent in spec.intents if embedded else ():
            line = source.place(("agents", agent, "intents", intent))[0]
            yield Place("intent", f"{agent}: {intent}", line, (agent, intent) in seen.intents)
        for context, part in spec.contexts.items():
            for number, step in enumerate(part.steps):
                line = source.place(("agents", agent, "contexts", context, "steps", number))[0]
                name = f"{agent}: {context}.{step.name}"
                yield Place("agent's step", name, line, (agent, context, step.name) in seen.steps)
