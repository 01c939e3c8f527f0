"""docs/swaig.md: its example passes the check, and its table names every action there is."""

import re

from sipagent.dialplan.lint import House, check
from sipagent.providers.grammar import unknown_words
from sipagent.sources import parse
from sipagent.tools.swaig.actions.carrying_out import KNOWN

from .conftest import ROOT

PAGE = (ROOT / "docs" / "swaig.md").read_text(encoding="utf-8")


def test_the_example_is_a_plan_without_findings() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    house = House(providers={"openai", "intents", "grammar", "espeak"}, unknown_words=unknown_words)
    plan, findings = check(parse(example, "swaig.yaml"), house)
    assert plan is not None
    assert [str(finding) for finding in findings] == []


def test_a_function_that_is_wrong_is_a_finding_with_its_place() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    wrong = example.replace("function: order", 'function: "my order"')
    house = House(providers={"openai", "intents", "grammar", "espeak"}, unknown_words=unknown_words)
    _, findings = check(parse(wrong, "swaig.yaml"), house)
    assert [(f.severity, f.key) for f in findings] == [("warning", "agents.shop.swaig")]
    assert "functions[0] is left out" in findings[0].message


def test_every_action_is_in_the_table() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {*KNOWN, "SWML"}
