"""The examples of docs/swml.md are plans that pass the check, and settings that load."""

import re
from pathlib import Path

import pytest

from sipagent.config import load
from sipagent.dialplan.lint import House, check
from sipagent.dialplan.swml import reading, texts
from sipagent.providers.web.guard import problem
from sipagent.sources import parse
from sipagent.verbs import documents

from .conftest import ROOT

DOC = (ROOT / "docs" / "swml.md").read_text(encoding="utf-8")
PLANS = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
(SETTINGS,) = re.findall(r"```yaml settings\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("example", PLANS)
def test_an_example_is_a_plan_without_findings(example: str) -> None:
    house = House(web_problem=lambda url: problem(url, ()))
    plan, findings = check(parse(example, "swml.md"), house)
    assert plan is not None
    assert [str(finding) for finding in findings] == []


def test_the_settings_load_and_let_the_agent_be_asked(tmp_path: Path) -> None:
    file = tmp_path / "sipagent.yaml"
    file.write_text(SETTINGS)
    settings = load(file)
    assert problem(settings.envs["SHOP_AGENT"], settings.web.allow) == ""
    assert problem(settings.envs["SHOP_AGENT"], ())
    assert settings.swml.brain is not None


def test_the_bounds_are_the_code_s() -> None:
    assert f"At most it may\nhave {texts.MAX_BYTES >> 20} MiB" in DOC
    assert f"YAML: {texts.MAX_YAML_BYTES >> 10} KiB" in DOC
    assert f"{reading.MAX_STEPS:,} steps, {reading.MAX_SECTIONS} sections" in DOC
    assert f"a nesting of {texts.MAX_DEPTH}; a call runs {documents.MAX_DOCUMENTS:,} doc" in DOC
    assert f"fetches {documents.MAX_FETCHES}." in DOC
