"""The examples of docs/relay.md and docs/data-map.md work as they stand."""

import re
from pathlib import Path

import pytest

from sipagent.app.plans import open_plans
from sipagent.config import load
from sipagent.sources import read
from sipagent.tools.data_map import DataMap

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def test_the_door_and_the_plan_of_the_page_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, plan, dialled = BLOCK.findall((DOCS / "relay.md").read_text())
    (tmp_path / "sipagent.yaml").write_text(settings)
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "dialplans" / "office.yaml").write_text(plan)
    (tmp_path / "dialplans" / "out.yaml").write_text(dialled)
    monkeypatch.chdir(tmp_path)
    made = load(tmp_path / "sipagent.yaml")
    assert made.relay is not None
    assert made.relay.projects["my-project"].receives("office")
    assert not made.relay.projects["my-project"].receives("shop")
    assert {found.name for found in open_plans(made).plans} == {"office", "out"}


def test_the_function_of_the_page_is_one(tmp_path: Path) -> None:
    (function,) = BLOCK.findall((DOCS / "data-map.md").read_text())
    file = tmp_path / "function.yaml"
    file.write_text(function)
    data_map = DataMap.read(read(file).data["data_map"])
    assert data_map.webhooks[0].foreach is not None
