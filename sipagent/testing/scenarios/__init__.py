"""Scenarios: tests of dialplans in YAML; see docs/testing-dialplans.md."""

from .reading import Case, read_cases, scenario_files
from .results import Failure, Fate, Part, Result
from .running import play, run

__all__ = [
    "Case",
    "Failure",
    "Fate",
    "Part",
    "Result",
    "play",
    "read_cases",
    "run",
    "scenario_files",
]
