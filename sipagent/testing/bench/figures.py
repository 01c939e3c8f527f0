"""Figures: what was measured, beside what was meant."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `goal` is None where there is none; `better` says which side of it is good."""

    group: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """True when the goal is held, None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


@dataclass(slots=True)
class Report:
    """All figures of one run, and the machine they were taken on."""

    machine: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, group: str, name: str, value: float, unit: str, **more: Any) -> None:
        """One more row."""
        self.figures.append(Figure(group, name, round(value, 3), unit, **more))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        return {"machine": self.machine, "figures": rows}


def machine() -> str:
    """Processor, cores and system, in one line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = sum(
        line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines()
    )
    return f"{model}, {cores} cores, {platform.system()} {platform.release()}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie (nearest rank); nan for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    rank = max(0, min(len(ordered) - 1, round(percent / 100 * len(ordered) + 0.5) - 1))
    return ordered[rank]
