"""Documents as plans, and their mistakes with file and line."""

import json

import pytest

from sipagent.dialplan.load import examine, load, plan_of
from sipagent.errors import ConfigError
from sipagent.sources import parse
from sipagent.verbs.blocks import Branch
from sipagent.verbs.logic import CondVerb

PLAN = """\
routes: [{to: "100"}]
agents:
  desk:
    greeting: hello
    intents: {open: {phrases: when are you open, say: nine}}
policy: {destinations: ["*"]}
sections:
  main:
    - answer
    - sleep: 500
    - cond:
        - when: vars.x == 1
          then:
            - play: say:one
            - hangup
        - else: [{transfer: other}]
    - ai: {agent: desk}
  other:
    - play: {url: "say:${vars.name}"}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(parse(text, "plan.yaml"))
    return [str(finding) for finding in caught.value.findings]


def test_a_document_becomes_typed_steps_with_their_lines() -> None:
    plan = load(parse(PLAN, "folder/desk.yaml"))
    assert plan.name == "desk"
    main = plan.program["main"]
    assert [(s.verb.name, s.line) for s in main] == [
        ("answer", 9), ("sleep", 10), ("cond", 11), ("ai", 17)
    ]  # fmt: skip
    cond = main[2].ready
    assert isinstance(cond, CondVerb)
    branch: Branch = cond.branches[0]
    assert [(s.verb.name, s.line) for s in branch.then] == [("play", 14), ("hangup", 15)]
    assert [s.verb.name for s in cond.branches[1].otherwise] == ["transfer"]
    assert plan.program["other"][0].ready is None


def test_plain_swml_in_json_is_a_plan() -> None:
    document = {
        "version": "1.0.0",
        "sections": {
            "main": [
                "answer",
                {"record_call": {"stereo": False, "format": "wav", "direction": "both"}},
                {"ai": {"prompt": {"text": "Be kind. ${global_data.x}"}, "SWAIG": {}}},
                {"connect": {"to": "+1555", "from": "+1666", "timeout": 20}},
                "hangup",
            ]
        },
    }
    plan = load(parse(json.dumps(document), "agent.json"))
    assert [s.verb.name for s in plan.program["main"]] == [
        "answer", "record_call", "ai", "connect", "hangup"
    ]  # fmt: skip
    assert plan.routes == ()
    assert plan.policy.destinations == ()


def test_a_plan_survives_the_way_to_another_process() -> None:
    plan = load(parse(PLAN, "desk.yaml"))
    again = plan_of(json.loads(json.dumps(plan.document)), plan.name, plan.file)
    assert (again.name, again.routes, again.agents) == (plan.name, plan.routes, plan.agents)
    assert again.program.keys() == plan.program.keys()
    assert {step.line for steps in again.program.values() for step in steps} == {0}


def test_every_mistake_is_found_at_its_place() -> None:
    found = mistakes(
        "rotes: []\n"
        "sections:\n"
        "  main:\n"
        "    - anser\n"
        "    - play: {ulr: say:hi, volume: loud}\n"
        "    - sleep: soon\n"
        "    - cond:\n"
        "        - when: x\n"
        "          then: [{hangup: {reson: busy}}]\n"
        "    - connect: {timeout: 5}\n"
        "    - if: {x: 5}\n"
        "    - answer: yes please\n"
        "    - {a: 1, b: 2}\n"
    )
    assert len(found) == 10
    expected = [
        "plan.yaml:1:1: error: rotes: unknown key (did you mean routes?)",
        "plan.yaml:4:7: error: sections.main[0]: unknown verb anser (did you mean answer?)",
        "plan.yaml:5:14: error: sections.main[1].play.ulr: unknown key of play (did you mean url?)",
        "unable to parse string as a number",
        "plan.yaml:6:7: error: sections.main[2].sleep: Input should be a valid integer",
        "sections.main[3].cond[0].then[0].hangup.reson: unknown key of hangup (did you mean",
        "needs exactly one of to, serial, parallel, serial_parallel",
        "if is a verb this server does not have (branch with cond, or with switch)",
        "answer takes keys, not a single value",
        "a step is a verb's name",
    ]
    for part in expected:
        assert any(part in line for line in found), (part, found)


def test_an_unknown_key_is_reported_beside_a_template() -> None:
    found = mistakes("sections: {main: [{play: {url: '${vars.x}', volum: 3}}]}")
    assert len(found) == 1
    assert "did you mean volume?" in found[0]


def test_a_template_may_stand_where_a_number_will() -> None:
    plan = load(parse("sections: {main: [{sleep: '${vars.ms}'}]}", "p.yaml"))
    verb = plan.program["main"][0].bind(lambda value: 20)
    assert verb.model_dump() == {"duration": 20}


def test_agents_routes_and_policy_are_checked_too() -> None:
    found = mistakes(
        "routes: [{too: x}]\n"
        "agents: {a: {greting: hi, intents: {x: {phrase: y}}}}\n"
        "policy: {destination: []}\n"
        "sections: {}\n"
    )
    assert any("routes[0].too" in line and "did you mean to?" in line for line in found)
    assert any("agents.a.greting" in line and "greeting" in line for line in found)
    assert any("agents.a.intents.x.phrase" in line and "phrases" in line for line in found)
    assert any("policy.destination" in line and "destinations" in line for line in found)
    assert any("there must be a section named main" in line for line in found)


@pytest.mark.parametrize("text", ["- a", "sections: []", "sections: {main: answer}", "{}", "''"])
def test_what_is_no_dialplan_is_refused_plainly(text: str) -> None:
    assert mistakes(text)


PLAIN = """\
version: 1.0.0
generator: agent 7
sections:
  main:
    - play: {url: say:hello, urgency: high}
    - hangup
"""


def test_plain_swml_is_read_as_its_vendor_reads_it() -> None:
    reading = examine(parse(PLAIN, "agent.yaml"))
    assert reading.plan is not None
    assert [str(f) for f in reading.findings] == [
        "agent.yaml:2:1: warning: generator: unknown key, ignored",
        "agent.yaml:5:30: warning: sections.main[0].play.urgency: unknown key of play, ignored",
    ]


def test_a_verb_nobody_has_is_an_error_of_a_file_of_plain_swml_too() -> None:
    text = PLAIN + "    - teleport: {}\n    - play: {volume: 3}\n"
    errors = [line.partition(": error: ")[2] for line in mistakes(text) if "error" in line]
    assert len(errors) == 2
    assert errors[0].startswith("sections.main[2].teleport: unknown verb teleport")
    assert errors[1] == "sections.main[3].play: needs exactly one of url and urls"


def test_a_plan_with_keys_of_ours_is_read_strictly() -> None:
    errors = mistakes(PLAIN + "routes: []\n")
    assert len(errors) == 2
    assert all("error" in line for line in errors)
