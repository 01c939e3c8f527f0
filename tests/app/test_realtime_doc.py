"""The examples of docs/realtime.md work as they stand."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sipagent.app.plans import read_plans
from sipagent.testing.server import settings_in

DOC = (Path(__file__).parents[2] / "docs" / "realtime.md").read_text(encoding="utf-8")
PLAN, SETTINGS = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


def test_the_plan_and_the_provider_pass_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    more = YAML(typ="safe").load(SETTINGS.replace("${env:OPENAI_API_KEY}", "sk-1"))
    named = re.sub(r"brain: .*", "brain: {provider: talking}", PLAN)
    for plan in (PLAN, named):
        plans, findings = read_plans(settings_in(tmp_path, plan, **more))
        assert [str(finding) for finding in findings] == []
        assert len(plans.plans) == 1
