"""The examples of docs/models.md are settings and a plan that a server takes."""

import re
from pathlib import Path

import pytest

from sipagent.app.plans import read_plans
from sipagent.config import load
from sipagent.providers.registry import MINDS

DOC = Path(__file__).parents[2] / "docs" / "models.md"


def test_the_examples_pass_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    settings, plan = re.findall(r"```yaml\n(.*?)```", DOC.read_text(), re.DOTALL)
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "dialplans" / "desk.yaml").write_text(plan)
    (tmp_path / "sipagent.yaml").write_text(settings)
    loaded = load(tmp_path / "sipagent.yaml")
    plans, findings = read_plans(loaded)
    assert [str(finding) for finding in findings] == []
    assert len(plans.plans) == 1
    assert loaded.providers["claude"].prices.output_price == 5.0


@pytest.mark.parametrize("kind", sorted({*MINDS} - {"instant"}))
def test_every_kind_is_in_the_table(kind: str) -> None:
    rows = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{kind}`" in row.split("|")[1] for row in rows)
