"""Running scenarios against an agent, on the stage asked for; what a user's own test calls."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sipagent.agent.spec import AgentSpec
from sipagent.dialplan.load import load_file
from sipagent.errors import ConfigError, Finding
from sipagent.providers.silero import Silero
from sipagent.testing.bench.figures import Figure, Report, machine
from sipagent.testing.pacer import keep_time

from .metrics import GOALS, Goals, panel, rows
from .outcome import Outcome
from .real import Booking, Tried, play_all
from .scenario import Scenario
from .simulated import simulate

#: calls at once on the real stage: what two cores do beside the callers themselves
AT_ONCE = 8
#: an agent that nobody wrote: patient, so that only what is tried counts
_PLAIN: Mapping[str, Any] = {"silence_seconds": 60}
#: how many calls are done, of how many; of the newest the scenario and its seconds
Progress = Callable[[int, int, Scenario, float], None]


@dataclass(frozen=True, slots=True)
class Results:
    """What all scenarios came to."""

    report: Report
    outcomes: tuple[Outcome, ...]

    @property
    def missed(self) -> tuple[Figure, ...]:
        """The figures that miss their goals."""
        return tuple(figure for figure in self.report.figures if figure.met is False)

    @property
    def broken(self) -> tuple[str, ...]:
        """Why scenarios did not come to their end."""
        return tuple(outcome.broken for outcome in self.outcomes if outcome.broken)


PLAIN = Tried(_PLAIN)


def subject(plan: Path, agent: str = "", *, own: bool = False) -> Tried:
    """An agent of a plan; the only one where none is named. Raises ConfigError."""
    agents = load_file(plan).document.get("agents") or {}
    if not agent and len(agents) == 1:
        agent = next(iter(agents))
    if agent not in agents:
        cause = f"there is no agent {agent!r}" if agent else "name one of the agents"
        raise ConfigError([Finding(str(plan), 1, "agents", cause, hint=", ".join(agents))])
    return Tried(agents[agent] or {}, own)


def run_scenarios(
    plan: Path | Tried,
    scenarios: Sequence[Scenario],
    *,
    agent: str = "",
    real: bool = False,
    goals: Goals = GOALS,
    at_once: int = AT_ONCE,
    progress: Progress = lambda done, of, scenario, seconds: None,
) -> Results:
    """Try an agent of a plan with scripted callers: its turn-taking and giving way, with the bed's
    instant ears, mind and mouth in place of its own. Simulated on a virtual clock, or `real` over
    SIP and RTP, `at_once` calls at a time, in as much time as the conversations take. Only there an
    agent can keep its own organs (`Tried.own`).

    Raises ConfigError for a wrong plan or scenario, BenchFailed where a real server fails.
    """
    tried = plan if isinstance(plan, Tried) else subject(plan, agent)
    numbers = count(1)

    def tell(scenario: Scenario, seconds: float) -> None:
        progress(next(numbers), len(scenarios), scenario, seconds)

    if real:
        keep_time()
        with tempfile.TemporaryDirectory(prefix="sipagent-bed-") as folder:
            bookings = [Booking(tried, scenario) for scenario in scenarios]
            outcomes = asyncio.run(play_all(Path(folder), bookings, at_once=at_once, done=tell))
    else:
        house, spec = _house(), AgentSpec.model_validate(tried.keys)
        outcomes = []
        for scenario in scenarios:
            outcomes.append(simulate(spec, scenario, lambda: house.detector(8000)))
            tell(scenario, outcomes[-1].seconds)
    report = Report(machine())
    report.figures += panel(rows((one.scenario, one.trials) for one in outcomes), goals)
    return Results(report, tuple(outcomes))


@cache
def _house() -> Silero:
    return Silero()
