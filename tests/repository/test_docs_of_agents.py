"""The examples of docs/agents.md are plans that pass the check."""

import re
from pathlib import Path

import pytest

from sipagent.dialplan.lint import House, check
from sipagent.providers.grammar import unknown_words
from sipagent.sources import parse

DOC = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_plan_without_findings(example: str) -> None:
    house = House(providers={"openai", "intents", "grammar", "espeak"}, unknown_words=unknown_words)
    plan, findings = check(parse(example, "agents.md"), house)
    assert plan is not None
    assert [str(finding) for finding in findings] == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 5
