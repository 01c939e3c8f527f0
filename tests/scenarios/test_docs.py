"""docs/testing-dialplans.md: what it shows works."""

import re
from pathlib import Path

import pytest

from sipagent.config import Settings
from sipagent.testing.scenarios import play, read_cases

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing-dialplans.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", YAML)
def test_every_scenario_of_the_page_passes(text: str, tmp_path: Path) -> None:
    plan = "model" if "mind:" in text else "reception"
    (tmp_path / "shown.yaml").write_text((ROOT / "dialplans" / f"{plan}.yaml").read_text())
    (tmp_path / "shown.test.yaml").write_text(text)
    cases = read_cases([tmp_path / "shown.test.yaml"], Settings(tools=(ROOT / "tools",)))
    for case in cases:
        result = play(case)
        assert result.failure is None, (result.failure, result.transcript)
    assert cases


def test_the_rehearsal_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(compile(PYTHON[1], "page", "exec"), names)
    test = names["test_whoever_finds_sales_busy_may_ask_something_else"]
    assert callable(test)
    test()
