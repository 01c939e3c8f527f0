"""Plans read before the fork: the ones in force, with their lines; a changed one is read anew."""

from pathlib import Path

import pytest

from sipagent.dialplan.load import load_file
from sipagent.dialplan.shelf import Shelf
from sipagent.errors import ConfigError

PLAN = """
sections:
  main:
    - answer
    - hangup
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    return file


def test_a_plan_from_the_shelf_knows_its_lines(file: Path) -> None:
    now = load_file(file)
    plan = Shelf([file.parent]).plan(dict(now.document), now.name, now.file)
    assert [step.line for step in plan.program["main"]] == [4, 5]


def test_a_plan_that_was_changed_since_is_what_it_is_now(file: Path) -> None:
    shelf = Shelf([file])
    file.write_text(PLAN.replace("- hangup", "- hangup: busy"))
    now = load_file(file)
    plan = shelf.plan(dict(now.document), now.name, now.file)
    assert plan.program["main"][1].arguments == {"reason": "busy"}


def test_a_broken_plan_and_a_missing_folder_keep_nobody_from_serving(file: Path) -> None:
    (file.parent / "broken.yaml").write_text("sections: [")
    shelf = Shelf([file.parent, file.parent / "nowhere"])
    now = load_file(file)
    assert shelf.plan(dict(now.document), now.name, now.file).program["main"][0].line == 4


def test_a_document_that_is_no_plan_is_refused_with_its_findings(file: Path) -> None:
    with pytest.raises(ConfigError):
        Shelf([file]).plan({"sections": {}}, "plan", str(file))
