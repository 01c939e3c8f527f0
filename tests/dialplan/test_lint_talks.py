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
    speaks = "contexts: {default: {steps: [{name: a, say: Hello.}]}}"
    assert found("hand_over: [sales]", speaks) == []


def contexts(*steps: str, more: str = "") -> list[Finding]:
    text = (
        "agents:\n"
        "  desk:\n"
        "    brain: {provider: mind}\n"
        "    ears: {provider: cloud}\n"
        "    tools: [hangup, hold]\n"
        "    contexts:\n"
        "      default:\n"
        f"{more}"
        "        steps:\n"
        + "".join(f"          - {step}\n" for step in steps)
        + "sections: {main: [{ai: desk}]}\n"
    )
    return check(parse(text, "p.yaml"), House())[1]


def gather(**more: str) -> str:
    keys = {"key": "n", "question": "'What?'", **more}
    question = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"{{name: a, gather_info: {{questions: [{{{question}}}]}}}}"


def test_steps_in_good_order_have_no_findings() -> None:
    assert contexts("{name: a, text: x, functions: hold}", "{name: b, text: x, end: true}") == []
    assert contexts(gather(type="choice", choices="[red, blue]"), "{name: b, say: x}") == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{name: a, text: x, valid_steps: [bb]}", "there is no step bb here (did you mean b?)"),
        ("{name: a, text: x, valid_contexts: [other]}", "there is no context other here"),
        ("{name: a, text: x, functions: [hlod]}", "hlod is not permitted to this agent"),
        ("{name: a, text: x, end: true, valid_steps: [b]}", "end and valid_steps exclude"),
        ("{name: a}", "needs text, say or gather_info"),
        ("{name: b, text: x}", "two steps are named b"),
        ("{name: next, text: x}", "a step cannot be named next"),
        ("{name: a, text: 'Hello ${a b}'}", "not a JavaScript expression"),
        ("{name: a, txt: x}", "txt"),
        (gather(type="choice"), "choices belong to type choice, and it needs them"),
        (gather(type="string", length="4"), "length belongs to type digits"),
        (gather(pattern="'('"), "not a regular expression"),
        (gather(functions="[hlod]"), "hlod is not permitted"),
        (gather(question="'${a b}'"), "not a JavaScript expression"),
        (
            "{name: a, gather_info: {completion_action: c, questions: [{key: n, question: x}]}}",
            "there is no step c here",
        ),
    ],
)
def test_what_would_not_work_in_steps_is_an_error(step: str, said: str) -> None:
    findings = [f for f in contexts(step, "{name: b, text: x}") if f.severity == "error"]
    assert any(said in str(f) for f in findings), [str(f) for f in findings]
    assert all(7 <= f.line <= 10 for f in findings)


def test_a_step_nothing_leads_to_is_doubtful() -> None:
    findings = contexts("{name: a, text: x, valid_steps: [c]}", "{name: b, text: x}",
                        "{name: c, text: x}")  # fmt: skip
    assert [(f.message, f.severity, f.line) for f in findings] == [
        ("no step leads to b", "warning", 10)
    ]


def test_the_context_that_a_talk_begins_in_is_needed() -> None:
    text = """
agents: {desk: {brain: {provider: m}, contexts: {other: {steps: [{name: a, text: x}]}}}}
sections: {main: [{ai: desk}]}
"""
    [finding] = check(parse(text, "p.yaml"), House())[1]
    assert "there must be a context named default" in str(finding)


def test_a_summary_needs_a_model_and_a_sound_schema() -> None:
    text = """
agents: {desk: {summary: SUMMARY, intents: {x: {phrases: [hello], say: hi}}}}
sections: {main: [{ai: desk}]}
"""

    def of(summary: str) -> list[str]:
        house = House(providers={"intents", "grammar", "espeak", "mind"})
        document = text.replace("SUMMARY", summary)
        return [str(finding) for finding in check(parse(document, "p.yaml"), house)[1]]

    assert "writes no summary" in of("{}")[0]
    assert of("{brain: {provider: mind}}") == []
    assert "there is no provider mnd" in of("{brain: {provider: mnd}}")[0]
    assert "not a JSON schema" in of("{brain: {provider: mind}, schema: {type: objekt}}")[0]
    assert "of type object" in of("{brain: {provider: mind}, schema: {type: string}}")[0]


def test_choices_the_embedded_ears_do_not_know_are_named() -> None:
    text = """
agents:
  desk:
    contexts:
      default:
        steps: [{name: a, gather_info: {questions: [
          {key: n, question: which, type: choice, choices: [red, blorp]}]}}]
sections: {main: [{ai: desk}]}
"""
    house = House(unknown_words=lambda phrases: [p for p in phrases if p == "blorp"])
    [finding] = check(parse(text, "p.yaml"), house)[1]
    assert "the embedded ears do not know: blorp" in str(finding)
    assert finding.line == 7


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        ("{post_prompt: {prompt: Tell., url: https://x.example}}", "writes no report"),
        ("{post_prompt: {prompt: Tell., brain: {provider: model}}}", "nobody is told"),
        ("{save_conversation: true}", "saved at post_prompt.url"),
        ("{debug_url: 'ftp://x'}", "not a http or https URL"),
        ("{post_prompt: {url: 'https://[x'}}", "not a http or https URL"),
    ],
)
def test_a_report_that_nobody_writes_or_reads_is_found(reports: str, said: str) -> None:
    plan = f"""
agents:
  a: {{intents: {{hi: {{phrases: [hello], say: Hello.}}}}, reports: {reports}}}
sections: {{main: [{{ai: a}}]}}
"""
    findings = check(parse(plan, "plan.yaml"), House())[1]
    assert said in " ".join(str(finding) for finding in findings)
