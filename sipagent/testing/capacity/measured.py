"""Measured: what of a report's JSON a plan for many machines reckons with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from .configurations import CONFIGURATIONS
from .sizing import Sizes


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one configuration: conversations held on a core, MiB for each, legs of each, and what a
    minute of it leaves on record.
    """

    name: str
    per_core: float
    mib: float = nan
    legs: int = 1
    sizes: Sizes = field(default_factory=Sizes)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, where and how."""

    machine: str
    command: str
    configurations: Sequence[Measured]


def measurement(told: Mapping[str, Any]) -> Measurement:
    """Read it; what held nothing is left out. Raises KeyError, TypeError where it is none."""
    found = [
        Measured(
            one["name"],
            one["held"] / told["cores"],
            _number(one["best"]["cost"]["worker_mib"]),
            CONFIGURATIONS[one["name"]].legs,
            _sizes(one["kept"]),
        )
        for one in told["configurations"]
        if one["held"] and one["best"]
    ]
    return Measurement(str(told["machine"]), str(told["command"]), found)


def _sizes(kept: Mapping[str, Any] | None) -> Sizes:
    if kept is None or not kept["minutes"]:
        return Sizes()
    minutes = kept["minutes"]
    return Sizes(
        kept["bundle_bytes"] / minutes,
        kept["database_bytes"] / minutes,
        kept["events"] / minutes,
    )


def _number(value: float | None) -> float:
    return nan if value is None else float(value)
