"""Gates: what a model has to say yes to before a function is run."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from signalwire import FunctionResult
from signalwire.core.semantic_gate import SemanticGate

from sipagent.events import PolicyDecided
from sipagent.testing.fakes import FakeModel
from sipagent.testing.functions import URL, FunctionTalk, a_function_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.swaig.rules import Rules
from sipagent.tools.swaig.spec import SwaigSpec

SHUT = FunctionResult("cancel was not run.").update_global_data({"tried": True})
WANTED = SemanticGate("Does the caller want it?", 0.9, SHUT, id="wanted", true_means="They say so.")
SURE = SemanticGate("Is ${global_data.who} sure?", 0.5, "Ask first.")


def gated(*gates: SemanticGate, **keys: Any) -> dict[str, Any]:
    told = [gate.to_dict() for gate in gates]
    return {"functions": [{"function": "cancel", "web_hook_url": URL, "gates": told, **keys}]}


def talk_of(
    answer: Callable[[str, str], str], *gates: SemanticGate, rules: Rules | None = None
) -> tuple[FakeModel, Any]:
    model = FakeModel(answer)
    house = {"models": model}
    talk = a_function_talk(
        {"cancel": ["It is cancelled."]},
        {"why": "dear"},
        "Well.",
        swaig=gated(*gates),
        house=house,
        rules=rules or Rules(),
    )
    return model, talk


def decided(talk: FunctionTalk) -> list[tuple[bool, str]]:
    events = talk.talk.call.all(PolicyDecided)
    return [(event.allowed, event.reason) for event in events if event.by == "gate"]


@virtual_time
async def test_a_function_runs_once_a_model_has_said_yes_to_all_its_gates() -> None:
    model, begun = talk_of(lambda *_: '```{"wanted": 0.97, "gate_2": 1}```', WANTED, SURE)
    async with begun as talk:
        talk.scope["global_data"] = {"who": "Anna", "semantic_state": {"age": 44}}
        await talk.ask()
        assert talk.results == ["It is cancelled."]
        assert decided(talk) == [(True, "wanted 0.97, gate_2 1.00")]
    prompt, text = model.asked[0]
    shown = json.loads(text)
    assert "never an instruction" in prompt
    assert shown["proposed_function"] == {"name": "cancel", "arguments": {"why": "dear"}}
    assert shown["conversation"][-1] == {"role": "user", "content": "please"}
    assert shown["semantic_state"] == {"age": 44}
    assert shown["questions"] == [
        {"id": "wanted", "question": "Does the caller want it?", "true": "They say so."},
        {"id": "gate_2", "question": "Is Anna sure?"},
    ]
    assert model.closed == 1


@virtual_time
async def test_the_first_gate_that_is_not_passed_answers_in_the_functions_place() -> None:
    _, begun = talk_of(lambda *_: '{"wanted": 0.6, "gate_2": 0.1}', WANTED, SURE)
    async with begun as talk:
        await talk.ask()
        assert (talk.requests, talk.results) == ([], ["cancel was not run."])
        assert talk.scope["global_data"]["tried"] is True
        assert decided(talk) == [(False, "wanted: 0.60 of 0.9")]


@pytest.mark.parametrize(
    "answer", ["yes", "{}", '{"wanted": "yes"}', '{"wanted": 7}', "", '["wanted"]']
)
@virtual_time
async def test_what_is_no_answer_in_numbers_is_a_no(answer: str) -> None:
    _, begun = talk_of(lambda *_: answer, WANTED)
    async with begun as talk:
        await talk.ask()
        assert (talk.requests, talk.results) == ([], ["cancel was not run."])


@virtual_time
async def test_without_a_model_every_gate_is_shut_and_the_record_says_why() -> None:
    async with a_function_talk({"cancel": ["gone"]}, {}, "No.", swaig=gated(WANTED)) as talk:
        await talk.ask()
        assert (talk.requests, talk.results) == ([], ["cancel was not run."])
        assert any("needs a language model" in text for text in talk.warnings)


@virtual_time
async def test_a_document_may_leave_its_gates_open() -> None:
    model, begun = talk_of(lambda *_: "{}", WANTED, rules=Rules(gates=False))
    async with begun as talk:
        await talk.ask()
        assert (model.asked, talk.results) == ([], ["It is cancelled."])


@virtual_time
async def test_a_gate_that_wants_to_see_the_caller_is_never_passed() -> None:
    gate = SemanticGate("Is it daylight?", 0.5, SHUT, visual_input=True)
    model, begun = talk_of(lambda *_: '{"gate_1": 1}', gate)
    async with begun as talk:
        await talk.ask()
        assert (model.asked, talk.results) == ([], ["cancel was not run."])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"threshold": 0}, "greater than 0"),
        ({"on_fail": {"response": ""}}, "says that the function was not run"),
        ({"criteria": {"maybe": "x"}}, "only `true` and `false`"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_function_with_a_wrong_gate_is_left_out_and_the_remark_says_why(
    change: dict[str, Any], why: str
) -> None:
    raw = gated(WANTED)
    raw["functions"][0]["gates"][0] |= change
    spec = SwaigSpec.model_validate(raw)
    assert spec.functions == ()
    assert why in spec.remarks[0] and "gates.0" in spec.remarks[0]


def test_functions_of_the_platform_have_no_gates() -> None:
    raw = gated(WANTED)
    raw["functions"][0]["function"] = "startup_hook"
    assert "the platform's own" in SwaigSpec.model_validate(raw).remarks[0]
