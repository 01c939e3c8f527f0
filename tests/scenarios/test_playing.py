"""Scenarios that pass, and what is said of those that fail."""

from pathlib import Path

from sipagent.testing.scenarios import Fate

from .writing import played


def test_a_failure_tells_what_was_expected_what_was_heard_and_where(tmp_path: Path) -> None:
    result = played(tmp_path, '- says: "when are you open"\n- expects: {hears: "ten to six"}')
    assert result.failure is not None
    assert (result.failure.line, result.failure.expected) == (5, "hears 'ten to six'")
    assert result.failure.instead[0] == "agent: Nine to five."
    assert [line.who for line in result.transcript[:3]] == ["agent", "caller", "agent"]


def test_a_tool_with_other_arguments_is_told_apart_key_by_key(tmp_path: Path) -> None:
    wanted = '{tool: {name: transfer, with: {to: "sip:service@pbx.example"}}}'
    result = played(tmp_path, f"- says: sales please\n- expects: {wanted}")
    assert result.failure is not None
    told = "\n".join(result.failure.instead)
    assert "to: wanted 'sip:service@pbx.example', found 'sip:sales@pbx.example'" in told


def test_whoever_is_not_in_the_script_is_not_found(tmp_path: Path) -> None:
    steps = """
- says: sales please
- expects: {transfer: {to: "sip:sales@*", result: not_found}}
"""
    assert played(tmp_path, steps).passed


def test_what_happens_though_it_must_not_fails_at_its_own_line(tmp_path: Path) -> None:
    steps = """
- expects: {not: {transfer: "*"}}
- waits: 1
- says: goodbye
- expects: {never: {transfer: "*"}}
- expects: {ended: agent}
"""
    assert played(tmp_path, steps).passed
    result = played(tmp_path, "- expects: {never: {transfer: '*'}}\n- says: sales please")
    assert result.failure is not None and result.failure.line == 4
    assert result.failure.instead[0].startswith("it happened")


def test_an_answer_that_comes_late_is_late_by_the_virtual_clock(tmp_path: Path) -> None:
    steps = "- says: when are you open\n- expects: {hears: nine to five, within_ms: 100}"
    result = played(tmp_path, steps)
    assert result.failure is not None
    assert result.failure.instead[0].startswith("it came after ")
    assert played(tmp_path, steps.replace("100", "900")).passed


def test_a_caller_who_speaks_after_the_end_fails(tmp_path: Path) -> None:
    result = played(tmp_path, "- says: goodbye\n- says: are you still there\n- hangs_up")
    assert result.failure is not None and result.failure.line == 5
    assert "the call was over" in result.failure.instead[0]
    assert [part.fate for part in result.parts] == [Fate.PASSED, Fate.FAILED, Fate.LEFT_OUT]


def test_opening_hours_are_those_of_the_scenarios_clock(tmp_path: Path) -> None:
    plan = """
routes: [{to: "100", when: {start: "09:00", end: "17:00", days: mon-fri}}]
sections: {main: [answer, {play: "say:Hello."}, hangup]}
"""
    steps = "- expects: Hello"
    assert played(tmp_path, steps, plan, "at: 2026-01-05 16:59").passed
    late = played(tmp_path, steps, plan, "at: 2026-01-05 17:00")
    assert late.failure is not None and late.transcript[-1].text.startswith("404 no route takes it")


MODEL = """
agents:
  desk:
    prompt: "You are the desk."
    brain: {provider: openai, model: gpt-4o-mini}
    tools: [lookup_order, transfer]
policy: {destinations: ["sip:*@pbx.example"]}
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""


def test_a_model_answers_as_the_scenario_says_and_tools_give_what_it_says(tmp_path: Path) -> None:
    around = """
mind:
  - "Which one?"
  - {when: "1002", calls: {lookup_order: {order_number: "1002"}}}
  - {when: workshop, says: "It is in the workshop."}
tools: {lookup_order: "It is in the workshop until Friday."}
"""
    steps = """
- says: where is my order
- expects: Which one
- says: number 1002
- expects:
    - tool: {name: lookup_order, with: {order_number: 1002}, result: until Friday}
    - It is in the workshop
"""
    result = played(tmp_path, steps, MODEL, around.strip())
    assert result.failure is None, result.failure


def test_a_mind_without_an_answer_fails_the_scenario(tmp_path: Path) -> None:
    result = played(tmp_path, "- says: hello\n- expects: {event: provider_failed}", MODEL, "mind: [{when: x, says: y}]")  # fmt: skip  # noqa: E501
    assert result.failure is not None
    assert result.failure.instead == ("no answer under mind: was left to 'hello'",)


def test_the_web_answers_by_the_script_and_refuses_all_else(tmp_path: Path) -> None:
    plan = """
sections:
  main:
    - answer
    - request: {url: "https://shop.example/hours?key=1", method: POST, save_variables: true}
    - play: "say:Open until ${request_response.until}."
    - request: {url: "https://other.example/"}
"""
    around = 'web: {"POST https://shop.example/hours*": {until: six}}'
    steps = "- expects: [Open until six, {ended: plan}]"
    result = played(tmp_path, steps, plan, around)
    assert result.failure is not None
    assert result.failure.instead == ("GET https://other.example/: nothing under web: answers it",)
    both = 'web: {"POST https://shop.example/*": {until: six}, "*other.example/": {status: 204}}'
    assert played(tmp_path, steps, plan, both).passed


def test_a_cough_a_text_and_a_referral(tmp_path: Path) -> None:
    plan = """
policy: {destinations: ["sip:*@pbx.example"]}
sections:
  main:
    - answer
    - play: "say:Welcome to the shop, please wait a moment, and do not go away."
    - transfer: {to: "sip:office@pbx.example", mode: refer}
"""
    steps = """
- interrupts: {after_ms: 500, coughs: true}
- expects: do not go away
- expects: {transfer: {to: "sip:office@pbx.example", result: answered}}
- expects: {variables: {transfer_result: connected}}
"""
    result = played(tmp_path, steps, plan, "legs: {sip:office@pbx.example: answers}")
    assert result.failure is None, (result.failure, result.transcript)


def test_keys_pressed_at_once_end_a_recording_before_its_silence_does(tmp_path: Path) -> None:
    plan = """
sections:
  main:
    - answer
    - record: {beep: true, end_silence_timeout: 4, terminators: "#"}
    - play: "say:Thank you."
"""
    steps = """
- says: "please call me back about the bicycle"
- {presses: "#", at_once: true}
- expects: {hears: thank you, within_ms: 500}
"""
    result = played(tmp_path, steps, plan)
    assert result.failure is None, (result.failure, result.transcript)
