"""Figures: what was measured, beside what was meant."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil, isnan, nan
from pathlib import Path
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `value` is nan where nothing could be measured; `goal` is None where there is
    none, and `better` says which side of it is good.
    """

    group: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """True when the goal is held, None where there is none. What was not measured is not."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal

    @property
    def measured(self) -> str:
        """The value and its unit, for people."""
        return "not measured" if isnan(self.value) else f"{self.value:.4g} {self.unit}"

    @property
    def wanted(self) -> str:
        """The goal, for people; empty where there is none."""
        if self.goal is None:
            return ""
        return f"{'≤' if self.better == 'lower' else '≥'} {self.goal:g}"


@dataclass(slots=True)
class Report:
    """All figures of one run, and the machine they were taken on."""

    machine: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, group: str, name: str, value: float, unit: str, **more: Any) -> None:
        """One more row."""
        self.figures.append(Figure(group, name, round(value, 3), unit, **more))

    def lines(self) -> list[str]:
        """For people without colours: a figure a line."""
        kept = {True: "held", False: "MISSED", None: ""}
        told = (
            (f"{one.group}: {one.name}:", one.measured, one.wanted, kept[one.met], one.note)
            for one in self.figures
        )
        return [" ".join(filter(None, parts)) for parts in told]

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which knows no nan."""
        rows = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        for row in rows:
            row["value"] = None if isnan(row["value"]) else row["value"]
        return {"machine": self.machine, "figures": rows}


def middle(runs: Sequence[Report]) -> Report:
    """The median of each figure over `runs` (at least one); the range stands in the note."""
    last = runs[-1]
    if len(runs) == 1:
        return last
    report = Report(last.machine)
    for figure in last.figures:
        values = [
            other.value
            for run in runs
            for other in run.figures
            if (other.group, other.name) == (figure.group, figure.name) and not isnan(other.value)
        ]
        value = round(median(values), 3) if values else nan
        span = f"{min(values):.4g} to {max(values):.4g} in {len(values)} runs" if values else ""
        note = "; ".join(filter(None, [span, figure.note]))
        report.figures.append(replace(figure, value=value, note=note))
    return report


def machine() -> str:
    """Processor, cores and system, in one line."""
    model, cores = platform.processor() or platform.machine(), 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        cores += line.startswith("processor")
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return f"{model}, {cores} cores, {platform.system()} {platform.release()}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank); nan
    for none.
    """
    if not values:
        return nan
    rank = ceil(percent / 100 * len(values))
    return sorted(values)[max(0, rank - 1)]
