"""Steps: what was measured with so many conversations, and whether that was good enough."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from math import isnan, nan
from typing import Any

from .tally import Count


@dataclass(frozen=True, slots=True)
class Quality:
    """What a step must hold: percent of RTP packets that come more than 40 ms late, percent that
    never come, and milliseconds of our own in the 95th percentile of turns.
    """

    late_percent: float = 0.1
    lost_percent: float = 0.1
    overhead_ms: float = 40.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the server used: percent of one core by kind of process, over the step; memory in MiB
    with its share of what processes have in common (PSS), at its end. nan: not known.
    """

    gateway: float = nan
    zygote: float = nan
    workers: float = nan
    gateway_mib: float = nan
    zygote_mib: float = nan
    #: of each worker, the median
    worker_mib: float = nan

    @property
    def cpu(self) -> float:
        """Of all of them."""
        return self.gateway + self.zygote + self.workers


@dataclass(frozen=True, slots=True)
class Step:
    """So many conversations for so many seconds. `own` are the callers' packets: those sent, and
    those they themselves sent more than 40 ms late. CPU is in percent of one core.
    """

    calls: int
    seconds: float
    heard: Count
    sent: int = 0
    own_late: int = 0
    own_worst_ms: float = 0.0
    refused: int = 0
    dropped: int = 0
    turns: int = 0
    #: 95th percentiles of the turns in the step; nan where there was none
    overhead_p95_ms: float = nan
    answer_p50_ms: float = nan
    answer_p95_ms: float = nan
    #: phrases of callers that were answered, and that were not
    answered: int = 0
    unanswered: int = 0
    cost: Cost = field(default_factory=Cost)
    callers_cpu: float = 0.0
    #: of what stands in for hosted models
    models_cpu: float = 0.0
    #: of the whole machine; 100 is all of it
    machine_cpu: float = nan

    @property
    def cpu_per_call(self) -> float:
        """Of the server, percent of one core."""
        return self.cost.cpu / self.calls if self.calls else nan

    @property
    def own_late_percent(self) -> float:
        """Of the callers' own packets."""
        return 100 * self.own_late / self.sent if self.sent else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which knows no nan."""
        heard = {"packets": self.heard.packets, "late": self.heard.late, "lost": self.heard.lost}
        told = {**asdict(self), "heard": heard, "cpu_per_call": self.cpu_per_call}
        return {name: _without_nan(value) for name, value in told.items()}


def broken(step: Step, quality: Quality) -> tuple[str, ...]:
    """What of the quality a step does not hold, in words, the plainest first; none: it holds."""
    return tuple(_broken(step, quality))


def _broken(step: Step, quality: Quality) -> Iterator[str]:
    if step.refused:
        yield f"{step.refused} calls refused"
    if step.dropped:
        yield f"{step.dropped} calls dropped"
    heard = step.heard
    if not heard.packets:
        yield "no RTP came"
        return
    if heard.late_percent > quality.late_percent:
        yield f"{heard.late_percent:.2g} % of RTP more than 40 ms late"
    if heard.lost_percent > quality.lost_percent:
        yield f"{heard.lost_percent:.2g} % of RTP lost"
    if step.overhead_p95_ms > quality.overhead_ms:
        yield f"own part of a turn {step.overhead_p95_ms:.0f} ms (p95)"


def by_far(step: Step, quality: Quality) -> bool:
    """It is so far from holding that to look again would be a waste of time; a machine of several
    owners that stands still for half a second is not.
    """
    heard = step.heard
    return bool(
        step.refused
        or not heard.packets
        or heard.late_percent > 50 * quality.late_percent
        or heard.lost_percent > 50 * quality.lost_percent
        or step.overhead_p95_ms > 10 * quality.overhead_ms
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    return None if isinstance(value, float) and isnan(value) else value
