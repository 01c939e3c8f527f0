"""What the check says of agents that hand over to each other."""

import pytest

from sipagent.dialplan.lint import House, check
from sipagent.errors import Finding
from sipagent.sources import parse


def found(desk: str, sales: str = "greeting: Hello.") -> list[Finding]:
    text = (
        "agents:\n"
        "  desk:\n"
        "    brain: {provider: mind}\n"
        "    ears: {provider: cloud}\n"
        f"    {desk}\n"
        "  sales:\n"
        "    intents: {x: {phrases: [hello], say: hi}}\n"
        f"    {sales}\n"
        "sections: {main: [{ai: desk}]}\n"
    )
    return check(parse(text, "p.yaml"), House())[1]


def test_agents_that_hand_over_have_no_findings() -> None:
    assert found("hand_over: [sales]") == []


@pytest.mark.parametrize(
    ("desk", "said"),
    [
        ("hand_over: [salse]", "there is no agent salse (did you mean sales?)"),
        ("hand_over: [desk]", "desk cannot hand over to itself"),
        ("prompt: 'Hello ${call.'", "a template is not closed"),
        ("greeting: 'Hello ${a b}'", "not a JavaScript expression"),
    ],
)
def test_what_would_not_work_between_agents_is_an_error(desk: str, said: str) -> None:
    [finding] = found(desk)
    assert said in str(finding)
    assert (finding.severity, finding.line) == ("error", 5)


def test_an_intent_cannot_hand_over_to_an_agent_that_is_not_listed() -> None:
    text = """
agents:
  desk:
    hand_over: sales
    intents: {x: {phrases: [hello], do: {hand_over: slaes}}}
  sales: {greeting: Hi, intents: {x: {phrases: [hello], say: hi}}}
sections: {main: [{ai: desk}]}
"""
    [finding] = check(parse(text, "p.yaml"), House())[1]
    assert "slaes is none of the agents it may hand over to (did you mean sales?)" in str(finding)


def test_an_embedded_mind_that_would_take_over_in_silence_is_doubtful() -> None:
    [finding] = found("hand_over: [sales]", "tools: []")
    assert "sales would take over in silence" in finding.message
    assert finding.severity == "warning"
