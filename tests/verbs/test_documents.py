"""Documents of others in a call: read liberally, run within bounds, found before the plan."""

import json
import time
from typing import Any

import pytest

from sipagent.call.documents import Document
from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.call.verb import End, Return
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.errors import PlanError
from sipagent.events import StepStarted, VerbDone, Warned
from sipagent.testing.fakes import FakeCall
from sipagent.testing.plans import planned_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs.documents import MAX_DOCUMENTS, run_document
from sipagent.verbs.flow import run_plan

PLAN = """
sections:
  main: [hangup]
  sorry: [{set: {in_plan: "${params.why}"}}]
"""


def document(*main: Any, **sections: Any) -> dict[str, Any]:
    return {"version": "1.0.0", "sections": {"main": list(main), **sections}}


def read(raw: Any) -> Document:
    return SwmlDocuments().read(raw, "function:order")


def warned(call: FakeCall) -> list[str]:
    return [event.detail for event in call.all(Warned)]


def variables(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


@virtual_time
async def test_a_document_runs_in_a_call_and_its_steps_are_on_record_under_its_name() -> None:
    call = planned_call(PLAN)
    outcome = await run_document(
        call.control("function:order"), read(document({"set": {"a": "${params.n}"}})),
        params={"n": 7},
    )  # fmt: skip
    assert outcome.ok
    assert outcome.flow is None
    assert variables(call) == {"a": 7}
    assert call.session.scope["params"] == {}
    assert [(e.document, e.section, e.verb) for e in call.all(StepStarted)] == [
        ("function:order", "main", "set")
    ]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(document("answer", {"set": {"ok": "yes"}}, "hangup")),
        "version: 1.0.0\nsections:\n  main:\n    - answer\n    - set: {ok: 'yes'}\n    - hangup\n",
    ],
)
def test_json_and_yaml_say_the_same(text: str) -> None:
    @virtual_time
    async def told() -> None:
        call = planned_call(PLAN, answered=False)
        outcome = await run_document(call.control(), read(text))
        assert isinstance(outcome.flow, End)
        assert variables(call) == {"ok": "yes"}
        assert call.caller.state is LegState.DISCONNECTED

    told()


@virtual_time
async def test_keys_nobody_knows_are_left_out_and_told_once() -> None:
    call = planned_call(PLAN)
    raw = document(
        {"play": {"url": "silence:0.1", "urgency": 3}},
        {"connect": {"serial": [{"to": "sip:a@b", "colour": "red"}], "timeout": 5, "result": None}},
    )
    found = read({**raw, "generator": "x"})
    assert found.remarks == (
        "generator: unknown key, ignored",
        "sections.main[0].play.urgency: unknown key of play, ignored",
        "sections.main[1].connect.serial[0].colour: unknown key of connect, ignored",
    )
    await run_document(call.control("dialplan", Policy()), found)
    assert warned(call)[:3] == [f"function:order: {remark}" for remark in found.remarks]
    assert [(e.verb, e.ok) for e in call.all(VerbDone)] == [("play", True), ("connect", False)]


@virtual_time
async def test_a_document_runs_until_it_reaches_a_verb_nobody_has() -> None:
    call = planned_call(PLAN)
    outcome = await run_document(
        call.control(), read(document({"set": {"a": 1}}, {"teleport": {"to": "x"}}, "hangup"))
    )
    assert not outcome.ok
    assert variables(call) == {"a": 1}
    assert [e.verb for e in call.all(StepStarted)] == ["set", "teleport"]
    assert warned(call) == ["function:order: main: teleport is not a verb of this server"]
    assert call.caller.state is LegState.CONFIRMED


@virtual_time
async def test_a_step_with_wrong_arguments_is_an_error_when_it_is_reached() -> None:
    call = planned_call(PLAN)
    outcome = await run_document(call.control(), read(document({"play": {"volume": 3}})))
    assert not outcome.ok
    assert "function:order: main: " in outcome.detail
    assert "play" in outcome.detail


@virtual_time
async def test_sections_are_found_in_the_document_before_the_plan() -> None:
    call = planned_call(PLAN)
    found = read(
        document(
            {"execute": {"dest": "own", "params": {"n": 1}}},
            {"transfer": {"dest": "sorry", "params": {"why": "late"}}},
            own=[{"set": {"own": "${params.n}"}}],
        )
    )
    assert (await run_document(call.control(), found)).ok
    assert variables(call) == {"own": 1, "return_value": None, "in_plan": "late"}


@pytest.mark.swml("verb", "execute", "a document written out returns a value to the plan")
@virtual_time
async def test_execute_runs_a_document_that_is_written_out() -> None:
    inner = json.dumps(document({"return": "${params.n + 1}"}))
    call = planned_call(
        f"""
- execute:
    dest: '{inner}'
    params: {{n: 41}}
    meta: {{ticket: 9}}
    result: {{case: {{"42": [{{set: {{right: true}}}}]}}}}
- set: {{after: "${{params.n}}"}}
"""
    )
    assert (await run_plan(call.control())).ok
    assert variables(call) == {"return_value": 42, "right": True, "after": ""}


@pytest.mark.swml("verb", "transfer", "a document written out takes the plan's place")
@virtual_time
async def test_transfer_to_a_document_does_not_come_back() -> None:
    inner = json.dumps(document({"transfer": "next"}, next=[{"set": {"there": 1}}]))
    call = planned_call(f"- transfer: {{dest: '{inner}'}}\n- set: {{back: 1}}")
    assert (await run_plan(call.control())).ok
    assert variables(call) == {"there": 1}


@virtual_time
async def test_a_document_that_runs_itself_is_stopped() -> None:
    call = planned_call(PLAN)
    call.session.scope["vars"]["again"] = json.dumps(document({"set": {"n": 1}}))
    loop = read(
        document({"label": "a"}, {"execute": {"dest": "deeper"}}, deeper=[{"execute": "deeper"}])
    )
    outcome = await run_document(call.control(), loop)
    assert not outcome.ok
    assert "nested deeper" in outcome.detail


@virtual_time
async def test_a_call_does_not_run_documents_without_end() -> None:
    call = planned_call(PLAN)
    short = read(document({"return": 3}))
    outcome = await run_document(call.control(), short)
    assert outcome.flow == Return(3)
    call.session.done["documents"] = MAX_DOCUMENTS
    outcome = await run_document(call.control(), short)
    assert not outcome.ok
    assert f"more than {MAX_DOCUMENTS} documents" in outcome.detail


def deep(levels: int) -> Any:
    nested: Any = ["hangup"]
    for _ in range(levels):
        nested = [{"cond": [{"when": "true", "then": nested}]}]
    return document(*nested)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "not an SWML document"),
        ("just words", "not an SWML document"),
        ("[]", "not an SWML document"),
        ("{", "not JSON"),
        ("a: [", "line 1"),
        ("\x00", "neither JSON nor YAML"),
        (b"\xff\xfe\xfa", "neither JSON nor YAML"),
        ({"sections": {}}, "needs sections"),
        ({"sections": []}, "needs sections"),
        (document(7), "sections.main[0]: a step is"),
        (document({"answer": {}, "hangup": {}}), "sections.main[0]: a step is"),
        ({"sections": {"main": "hangup"}}, "expected a list of steps"),
        ("[" * 100_000, "nested too deeply"),
        (deep(40), "nested too deeply"),
        ("a: &a [x]\n" + "\n".join(
            f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]"
            for a, b in zip("abcdefg", "bcdefgh", strict=True)), "too much of it"),
        (" " * (1 << 20) + "{}", "larger than"),
        ("#" * (129 << 10), "as JSON it may be larger"),
        (document(*["answer"] * 6_000), "more than 5000 steps"),
        ({"sections": {"main": [], **{f"s{n}": [] for n in range(300)}}}, "more than 200 sections"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused_with_its_cause(raw: Any, said: str) -> None:
    with pytest.raises(PlanError, match=said.replace("[", r"\[")):
        read(raw)


def test_a_document_made_of_unknown_keys_says_so_within_bounds() -> None:
    found = read(document(*[{"play": {"url": "say:x", f"k{n}": 1}} for n in range(50)]))
    assert len(found.remarks) == 21
    assert found.remarks[-1] == "and 30 more"


def test_documents_of_mistakes_are_read_soon_whatever_they_are_full_of() -> None:
    hostile = [
        document({"play": {"url": "say:x", **{f"k{n}": 1 for n in range(30_000)}}}),
        document(*[{f"verb{n}": {}} for n in range(5_000)]),
        document(*[{"play": {"url": "say:x", f"k{n}": 1}} for n in range(5_000)]),
        document({"connect": {"serial": [{"to": "sip:a@b", f"k{n}": 1} for n in range(5_000)]}}),
    ]
    began = time.process_time()
    for raw in hostile:
        assert len(read(raw).remarks) <= 21
    # a second of this machine's own work; quadratic reading took minutes
    assert time.process_time() - began < 20


@virtual_time
async def test_a_single_value_where_keys_belong_is_left_out() -> None:
    call = planned_call(PLAN)
    found = read(document({"answer": 5}, {"set": {"a": 1}}))
    assert found.remarks == ("sections.main[0].answer: answer takes keys; its value is ignored",)
    assert (await run_document(call.control(), found)).ok
    assert variables(call) == {"a": 1}
