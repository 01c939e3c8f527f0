"""The examples of docs/mcp-client.md are settings and plans that pass the check."""

import re
from pathlib import Path

import pytest

from sipagent.config import load
from sipagent.dialplan.lint import House, check
from sipagent.providers.grammar import unknown_words
from sipagent.sources import parse

DOC = (Path(__file__).parents[2] / "docs" / "mcp-client.md").read_text(encoding="utf-8")
SETTINGS, PLAN, OAUTH = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


def test_the_examples_are_settings_and_a_plan_without_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "secret")
    monkeypatch.setenv("CRM_SECRET", "secret")
    file = tmp_path / "sipagent.yaml"
    file.write_text(OAUTH)
    assert load(file).mcp_servers["crm"].oauth is not None
    file.write_text(SETTINGS)
    declared = load(file).mcp_servers
    house = House(
        providers={"openai", "grammar", "espeak"},
        unknown_words=unknown_words,
        mcp_servers=declared,
    )
    plan, findings = check(parse(PLAN, "plan.yaml"), house)
    assert [str(finding) for finding in findings] == []
    assert plan is not None
    assert [use.name for use in plan.agents["desk"].mcp_servers] == ["crm", "clock"]
