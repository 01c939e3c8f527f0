"""The examples of docs/turns.md are plans that pass the check, and its figures are the code's."""

import re

import pytest

from sipagent.agent.lexicon.known import LEXICONS
from sipagent.agent.spec import AgentSpec
from sipagent.dialplan.lint import House, check
from sipagent.providers.grammar import unknown_words
from sipagent.sources import parse

from .conftest import ROOT

DOC = (ROOT / "docs" / "turns.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_plan_without_findings(example: str) -> None:
    house = House(providers={"intents", "grammar", "espeak"}, unknown_words=unknown_words)
    plan, findings = check(parse(example, "turns.md"), house)
    assert plan is not None
    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("key", ["end_of_turn_ms", "complete_ms", "patient_ms"])
def test_what_is_shown_is_what_stands_without_it(key: str) -> None:
    assert f"    {key}: {getattr(AgentSpec(), key)}\n" in EXAMPLES[0]


def test_every_language_is_named() -> None:
    assert len(LEXICONS) == 7
    assert "English, German,\nFrench, Spanish, Italian, Portuguese and Dutch" in DOC
