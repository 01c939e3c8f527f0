"""The examples of docs/speech.md are settings and a plan that a server takes."""

import re
from pathlib import Path

import pytest

from sipagent.app.plans import read_plans
from sipagent.config import load
from sipagent.providers.registry import EARS, MOUTHS

DOC = Path(__file__).parents[2] / "docs" / "speech.md"


def test_the_examples_pass_the_check(tmp_path: Path) -> None:
    settings, plan = re.findall(r"```yaml\n(.*?)```", DOC.read_text(), re.DOTALL)
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "dialplans" / "speech.yaml").write_text(plan)
    (tmp_path / "sipagent.yaml").write_text(settings)
    plans, findings = read_plans(load(tmp_path / "sipagent.yaml"))
    assert [str(finding) for finding in findings] == []
    assert len(plans.plans) == 1


@pytest.mark.parametrize("kind", sorted({*EARS, *MOUTHS} - {"instant"}))
def test_every_kind_is_in_the_table(kind: str) -> None:
    rows = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{kind}`" in row.split("|")[1] for row in rows)
