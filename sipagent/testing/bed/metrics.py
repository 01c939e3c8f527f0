"""The panel: figures of many trials, a group for each kind, goals beside them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan, sqrt

from sipagent.testing.bench.figures import Figure, percentile

from .scenario import Expects, Scenario
from .trial import Trial

#: of a normal distribution, for an interval of 95 %
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Goals:
    """What is meant; ms and percent. `wider_ms` is added to the times where the machine itself is
    part of what is measured and has other work.
    """

    own_ms: float = 40.0
    silent_ms: float = 200.0
    yielded: float = 95.0
    resumed: float = 90.0
    cut_off: float = 2.0
    answered: float = 98.0
    wider_ms: float = 0.0


GOALS = Goals()


@dataclass(slots=True)
class Row:
    """All trials of one kind. `planned` counts lines: those a call never came to have failed."""

    kind: str
    expects: Expects
    planned: int = 0
    trials: list[Trial] = field(default_factory=list)

    def share(self, met: int) -> float:
        """Percent of what was planned."""
        return 100 * met / self.planned if self.planned else nan


def rows(done: Iterable[tuple[Scenario, Sequence[Trial]]]) -> list[Row]:
    """Trials by kind, in order of appearance."""
    found: dict[str, Row] = {}
    for scenario, trials in done:
        row = found.setdefault(scenario.row, Row(scenario.row, scenario.expects))
        row.planned += scenario.times * len(scenario.lines)
        row.trials += trials
    return list(found.values())


def panel(kinds: Iterable[Row], goals: Goals = GOALS) -> list[Figure]:
    """Every figure of every kind."""
    makers = {
        "answered": _answered,
        "yielded": _yielded,
        "resumed": _resumed,
        "asked": _asked,
    }
    return [figure for row in kinds for figure in makers[row.expects](row, goals)]


def interval(met: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, percent; nan for none."""
    if not of:
        return nan, nan
    share, spread = met / of, _Z**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def _answered(row: Row, goals: Goals) -> list[Figure]:
    whole = [trial for trial in row.trials if not trial.cut_off]
    cut = sum(trial.cut_off for trial in row.trials)
    answered = sum(trial.answer_ms is not None for trial in row.trials)
    return [
        _share(row, "answered", answered, goals.answered, "higher"),
        _share(row, "cut off", cut, goals.cut_off, "lower"),
        *_times(row, "answer after the voice", [t.answer_ms for t in whole], None),
        *_times(row, "of it until the endpoint", [t.endpoint_ms for t in whole], None),
        *_times(row, "own, endpoint to RTP", [t.own_ms for t in whole], goals.own_ms, goals),
    ]


def _yielded(row: Row, goals: Goals) -> list[Figure]:
    yielded = [trial for trial in row.trials if trial.met]
    silent = [trial.silent_ms for trial in yielded]
    return [
        _share(row, "yielded", len(yielded), goals.yielded, "higher"),
        *_times(row, "onset to silence", silent, goals.silent_ms, goals),
    ]


def _resumed(row: Row, goals: Goals) -> list[Figure]:
    met = sum(trial.met for trial in row.trials)
    stopped = sum(trial.stopped for trial in row.trials)
    paused = [trial.paused_ms for trial in row.trials if trial.paused_ms is not None]
    lost = [trial.lost_ms for trial in row.trials if trial.lost_ms is not None]
    return [
        _share(row, "not yielded, no word lost", met, goals.resumed, "higher"),
        _share(row, "false interruptions", stopped, None, "lower"),
        _share(row, "paused meanwhile", len(paused), None, "lower"),
        *_times(row, "length of the pause", paused, None),
        Figure(
            *(row.kind, "speech lost", sum(lost) if lost else nan, "ms"),
            goal=0 if lost else None,
            note="of what was not given up" if lost else "samples are compared when simulated",
        ),
    ]


def _asked(row: Row, goals: Goals) -> list[Figure]:
    met = sum(trial.met for trial in row.trials)
    return [
        _share(row, "the agent spoke first", met, goals.answered, "higher"),
        *_times(row, "after silence of", [t.answer_ms for t in row.trials], None),
    ]


def _share(row: Row, name: str, met: int, goal: float | None, better: str) -> Figure:
    low, high = interval(met, row.planned)
    note = f"{met} of {row.planned}; 95 % interval {low:.1f} to {high:.1f} %"
    value = round(row.share(met), 2)
    return Figure(
        *(row.kind, name, value, "%"),
        goal=goal,
        better="lower" if better == "lower" else "higher",
        note=note,
    )


def _times(
    row: Row,
    name: str,
    times: Sequence[float | None],
    goal: float | None,
    goals: Goals = GOALS,
) -> list[Figure]:
    known = [time for time in times if time is not None]
    if goal is not None:
        goal += goals.wider_ms
    return [
        Figure(row.kind, f"{name}, p50", round(percentile(known, 50), 1), "ms"),
        Figure(
            *(row.kind, f"{name}, p95", round(percentile(known, 95), 1), "ms"),
            goal=goal,
            note=f"{len(known)} measured",
        ),
    ]
