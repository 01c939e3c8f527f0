"""What the check says of a plan that reads well but would not work."""

from collections.abc import Sequence
from typing import Any

import pytest

from sipagent.call.policy import Policy
from sipagent.dialplan.lint import House, check
from sipagent.errors import Finding
from sipagent.providers.minds.intents import problems
from sipagent.providers.web.guard import problem
from sipagent.sources import parse
from sipagent.tools import tool
from sipagent.tools.functions import tool_of
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS


@tool
async def lookup(number: int) -> str:
    """Look it up."""
    return str(number)


BOX = Toolbox({"lookup": tool_of(lookup)}, VERBS)


def found(text: str, **house: Any) -> list[Finding]:
    return check(parse(text, "p.yaml"), House(BOX, intent_problems=problems, **house))[1]


def steps(*main: str, other: str = "") -> str:
    lines = ["policy: {destinations: ['*']}", "sections:", "  main:"]
    lines += [f"    - {step}" for step in main]
    return "\n".join([*lines, *([f"  other: [{other}]"] if other else [])])


def agent(body: str, tools: str = "[transfer, lookup]") -> str:
    return (
        "policy: {destinations: ['sip:*@pbx.example']}\n"
        f"agents:\n  a:\n    tools: {tools}\n    intents:\n      x: {body}\n"
        "sections: {main: [{ai: a}]}\n"
    )


def test_a_plan_without_mistakes_has_no_findings() -> None:
    assert found(steps("answer", "play: say:hello", "hangup")) == []
    assert found(agent("{phrases: [sales], do: {transfer: {to: 'sip:s@pbx.example'}}}")) == []
    assert found(agent("{phrases: [sales], do: {transfer: 'sip:s@pbx.example'}}")) == []
    assert found(agent("{phrases: [sales], do: {lookup: {number: 3}}}")) == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (steps("label: menu", "goto: menue"), 5, "no label menue in section main (did you mean"),
        (steps("execute: othr", other="hangup"), 4, "no section othr (did you mean other"),
        (steps("transfer: ftp://x/swml"), 4, "fetched from http and https"),
        (steps("ai: desk"), 4, "there is no agent desk"),
        (steps("goto: {label: a, when: 'x =='}", "label: a"), 4, "not a JavaScript expression"),
        (steps("play: 'say:${a b}'"), 4, "not a JavaScript expression"),
        (steps("play: 'say:${a'"), 4, "a template is not closed"),
        (steps("connect: 'sip:'"), 4, "neither a SIP URI nor a number"),
        (steps("cond: [{when: '(', then: []}]"), 4, "not a JavaScript expression"),
        (agent("{phrases: [a], do: {transfr: {to: x}}}"), 5, "no tool transfr; did you mean"),
        (agent("{phrases: [a], do: {hangup: {}}}"), 5, "hangup is not permitted to this agent"),
        (agent("{phrases: [a], do: {sleep: 5}}"), 5, "sleep is a verb for dialplans, not a tool"),
        (agent("{phrases: [a], do: {transfer: {}}}"), 5, "to is missing"),
        (agent("{phrases: [a], do: {transfer: {dest: x}}}"), 5, "there is no argument dest"),
        (agent("{phrases: [a], do: {lookup: {number: x}}}"), 5, "is not of type 'integer'"),
        (agent("{phrases: [a], do: {lookup: {}}}"), 5, "'number' is a required property"),
        (agent("{phrases: [a], do: {lookup: 1, transfer: x}}"), 5, "exactly one tool"),
        (agent("{say: hi}"), 5, "nothing can reach it"),
        (agent("{digits: '1'}"), 5, "met with silence"),
        (agent("{phrases: [a], say: a}", "[trnsfer]"), 4, "did you mean transfer"),
    ],
)  # fmt: skip
def test_what_would_not_work_is_an_error(text: str, line: int, said: str) -> None:
    errors = [f for f in found(text) if f.severity == "error"]
    assert [said in str(f) for f in errors] == [True], [str(f) for f in errors]
    assert abs(errors[0].line - line) <= 1
    assert check(parse(text, "p.yaml"), House(BOX, intent_problems=problems))[0] is None


def test_phones_of_our_own_are_known_by_their_extension() -> None:
    phones = {"201": None, "202": None}
    assert found(steps("connect: '201'"), phones=phones) == []
    assert found(steps("connect: 'sip:201@phones'"), phones=phones) == []
    (wrong,) = found(steps("connect: 'sip:211@phones'"), phones=phones)
    assert "there is no phone 211 (did you mean 201?)" in str(wrong)
    refused = found(agent("{phrases: [a], do: {transfer: '202'}}"), phones=phones)
    assert [f.message for f in refused] == ["policy will refuse 202"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (steps("hangup", "play: say:too late"), "never reached: it stands after hangup"),
        (steps("transfer: other", "hangup", other="hangup"), "stands after transfer"),
        (steps("hangup", other="hangup"), "nothing leads to this section"),
        (steps("answer: {codecs: PCMU}"), "takes codecs but does nothing with it"),
        (agent("{phrases: [a], do: {transfer: '+39899'}}"), "policy will refuse +39899"),
    ],
)
def test_what_is_doubtful_is_a_warning(text: str, said: str) -> None:
    plan, findings = check(parse(text, "p.yaml"), House(BOX))
    assert plan is not None
    assert [(said in f.message, f.severity) for f in findings] == [(True, "warning")]


def test_a_label_after_hangup_can_be_reached() -> None:
    assert found(steps("goto: {label: a, when: 'true'}", "hangup", "label: a", "hangup")) == []


def test_the_servers_own_policy_counts_too() -> None:
    text = steps("connect: sip:a@pbx.example")
    assert found(text) == []
    (warning,) = found(text, policies=[Policy(destinations=("+44*",))])
    assert "policy will refuse" in warning.message


def test_words_the_embedded_ears_do_not_know_are_named() -> None:
    def unknown(phrases: Sequence[str]) -> list[str]:
        return [word for phrase in phrases for word in phrase.split() if word == "frobnicate"]

    text = agent("{phrases: [sales, frobnicate it], say: ok}")
    (error,) = found(text, unknown_words=unknown)
    assert "do not know: frobnicate" in error.message
    assert error.key == "agents.a.intents.x.phrases[1]"


def test_keys_and_phrases_used_twice_are_found() -> None:
    text = (
        "agents:\n  a:\n    intents:\n"
        "      x: {phrases: [Hello!], digits: '1', say: x}\n"
        "      y: {phrases: [hello], digits: '1', say: y}\n"
        "sections: {main: [{ai: a}]}\n"
    )
    messages = {(f.key, f.message) for f in found(text)}
    assert messages == {
        ("agents.a.intents.y.phrases[0]", "'hello' already means x"),
        ("agents.a.intents.y.digits", "'key 1' already means x"),
    }


def test_unknown_providers_trunks_and_verbs_of_the_policy_are_found() -> None:
    text = (
        "routes: [{to: '1', trunk: carier}, {to: '2'}, {to: '2'}]\n"
        "agents: {a: {brain: {provider: intent}, ears: {provider: hosted}}}\n"
        "policy: {limits: {trnsfer: 1, outbound_minutes: 3}, confirm: [hangp]}\n"
        "sections: {main: [{ai: a}]}\n"
    )
    messages = [
        str(f) for f in found(text, providers=["intents", "hosted", "espeak"], trunks=["carrier"])
    ]
    for said in ["trunk carier (did you mean carrier", "no provider intent (did you mean intents",
                 "unknown verb trnsfer (did you mean transfer", "unknown verb hangp",
                 "the same route stands above"]:  # fmt: skip
        assert any(said in message for message in messages), (said, messages)
    assert len(messages) == 5


MODEL = """
agents:
  a:
    brain: {provider: openai}
    ears: {provider: EARS}
    intents: INTENTS
sections: {main: [{ai: a}]}
"""


def modelled(intents: str, ears: str = "grammar") -> list[Finding]:
    return found(MODEL.replace("INTENTS", intents).replace("EARS", ears))


def test_a_language_model_takes_the_phrases_of_intents_and_nothing_else() -> None:
    assert modelled("{sales: {phrases: [sales please]}}") == []
    findings = modelled("{sales: {phrases: [sales please], digits: '1', do: {transfer: x}}}")
    assert [(f.key, f.severity) for f in findings] == [
        ("agents.a.intents.sales.digits", "warning"),
        ("agents.a.intents.sales.do", "warning"),
    ]


def test_embedded_ears_that_were_told_no_phrase_are_found() -> None:
    (warning,) = modelled("{}")
    assert warning.severity == "warning"
    assert "hear declared phrases only" in warning.message
    assert modelled("{}", ears="hosted") == []


def test_a_window_without_time_can_never_match() -> None:
    text = "routes: [{to: '1', when: {start: '09:00', end: '09:00'}}]\nsections: {main: [hangup]}"
    (error,) = found(text)
    assert "can never match" in error.message


def web_findings(text: str) -> list[str]:
    house = House(web_problem=lambda url: problem(url, ["127.0.0.1:3000"]))
    _, findings = check(parse(text, "plan.yaml"), house)
    return [f"{f.line} {f.severity} {f.key}: {f.message}" for f in findings]


ROUTE = 'routes: [{to: "300"}]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("swml: http://127.0.0.1:3000/\n", []),
        ("swml: http://localhost:3000/\n", []),
        ("swml: https://u:p@agents.example/\n", []),
        ("swml: ${envs.AGENT}\n", []),
        ("swml: http://u:p@10.0.0.1/?t\n", ["2 warning swml: 10.0.0.1: refused: 10.0.0.1"]),
        ("swml: {url: 'http://localhost/'}\n", ["2 warning swml.url: localhost: refused: ::1"]),
        ("swml: ftp://u:p@x/\n", ["2 error swml: ftp://x/ is not an http or https URL"]),
        ("swml: {url: http://a, timeout: 99}\n", ["2 error swml.timeout: Input should be less"]),
        ("swml: {url: http://a, tiemout: 9}\n", ["2 error swml.tiemout: unknown key"]),
        ("swml:\n", ["2 error swml: expected a URL"]),
        ("swml: {url: http://a, fallback: x}\n", ["2 error swml.fallback: there is no section x"]),
        ("swml: http://a\nsections: {main: []}\n", ["3 error sections.main: swml stands for main"]),
        ("sections: {main: [{request: 5}]}\n", ["2 error sections.main[0].request: request takes"]),
        ("sections: {main: [{request: {url: x}}]}\n", ["2 error sections.main[0].request.url: x"]),
        ("sections: {main: [{execute: 'http://[::1]/'}]}\n",
         ["2 warning sections.main[0].execute: [::1]: refused: ::1 is not"]),
    ],
)  # fmt: skip
def test_urls_of_a_plan_are_looked_at_before_any_call(text: str, said: list[str]) -> None:
    found = web_findings(ROUTE + text)
    assert len(found) == len(said), found
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True)), found


def test_a_plan_with_a_document_needs_no_sections_but_may_have_a_fallback() -> None:
    text = ROUTE + "swml: {url: https://a.example/, fallback: sorry}\nsections: {sorry: [hangup]}\n"
    plan, findings = check(parse(text, "plan.yaml"), House())
    assert findings == []
    assert plan is not None
    assert set(plan.program) == {"main", "sorry"}
