"""The scenarios of the examples."""

from pathlib import Path

import pytest

from sipagent.config import Settings
from sipagent.testing.scenarios import play, read_cases, scenario_files

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(tools=(ROOT / "tools",))
CASES = read_cases(scenario_files([ROOT / "dialplans"]), SETTINGS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_example_does_what_its_scenarios_say(case: object) -> None:
    result = play(case)  # type: ignore[arg-type]
    assert result.failure is None, "\n".join(map(str, [result.failure, *result.transcript]))
