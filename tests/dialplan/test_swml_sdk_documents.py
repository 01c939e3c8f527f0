"""What agents written with the SDKs emit is read without an error: made by running them."""

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import signalwire

from sipagent.agent.refs import ProviderRef
from sipagent.config.swml import Swml
from sipagent.dialplan.swml.ai import InlineAgent, agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.dialplan.swml.params import PARAMS, rows

SDKS = ("signalwire_agents", "signalwire")
HOUSE = Vocabulary(
    {"mind": "openai"}, {"openai"}, Swml(models={"gpt-4o-mini": ProviderRef(provider="mind")})
)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_LOG_MODE", "off")


def ais(agent: Any) -> Iterator[dict[str, Any]]:
    document = json.loads(agent._render_swml("call-1"))
    for steps in document["sections"].values():
        yield from (step["ai"] for step in steps if isinstance(step, dict) and "ai" in step)


def read(agent: Any) -> InlineAgent:
    [ai] = ais(agent)
    return agent_of(ai, HOUSE)


def _concierge(prefabs: Any) -> Any:
    return prefabs.ConciergeAgent(
        venue_name="Oceanview",
        services=["room service"],
        amenities={"pool": {"hours": "7-10", "location": "2nd floor"}},
    )


def _faq(prefabs: Any) -> Any:
    return prefabs.FAQBotAgent(faqs=[{"question": "When?", "answer": "Nine to five."}])


def _info(prefabs: Any) -> Any:
    questions = [{"key_name": "name", "question_text": "Who are you?", "confirm": True}]
    return prefabs.InfoGathererAgent(questions=questions)


def _receptionist(prefabs: Any) -> Any:
    department = {"name": "sales", "description": "buying", "number": "+15551234567"}
    return prefabs.ReceptionistAgent(departments=[department])


def _survey(prefabs: Any) -> Any:
    questions = [{"id": "q1", "text": "How was it?", "type": "rating", "scale": 5}]
    return prefabs.SurveyAgent(survey_name="Visit", questions=questions)


@pytest.mark.swml("verb", "ai", "the prefab agents of both SDKs are read without an error")
@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("make", [_concierge, _faq, _info, _receptionist, _survey])
def test_the_prefab_agents_are_read(make: Callable[[Any], Any], sdk: str) -> None:
    inline = read(make(importlib.import_module(f"{sdk}.prefabs")))
    assert inline.spec.prompt
    assert inline.spec.swaig is not None
    assert inline.spec.swaig.functions and not inline.spec.swaig.remarks
    assert [n for n in inline.notes if not n.startswith("voice ")] == []


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    ("skill", "keys"),
    [
        ("datetime", {}),
        ("math", {}),
        ("joke", {"api_key": "k"}),
        ("weather_api", {"api_key": "k"}),
        ("api_ninjas_trivia", {"api_key": "k"}),
        (
            "play_background_file",
            {"files": [{"key": "a", "description": "a file", "url": "https://example.com/a.mp4"}]},
        ),
        ("swml_transfer", {"transfers": {"/sales/i": {"url": "https://example.com/sales"}}}),
    ],
)
def test_agents_with_skills_are_read(skill: str, keys: dict[str, Any], sdk: str) -> None:
    agent = importlib.import_module(sdk).AgentBase(name="skilled", route="/")
    agent.prompt_add_section("Role", body="Help.")
    agent.add_skill(skill, keys)
    inline = read(agent)
    assert inline.spec.swaig is not None and inline.spec.swaig.functions
    assert (inline.notes, inline.spec.swaig.remarks) == ((), ())


def _whole(sdk: str) -> Any:
    """An agent that says all that the SDK can say of an `ai` object."""
    agent = importlib.import_module(sdk).AgentBase(name="whole", route="/")
    agent.prompt_add_section("Role", body="Help.", bullets=["kindly", "quickly"])
    agent.prompt_add_subsection("Role", "Tone", body="Warm.")
    agent.set_post_prompt("Sum up.")
    agent.set_prompt_llm_params(temperature=0.4, top_p=0.9, confidence=0.7, barge_confidence=0.6)
    agent.set_post_prompt_llm_params(temperature=0.1)
    agent.add_language("English", "en-US", "rime.spore", ["Hm."], ["One moment."])
    agent.add_language("Spanish", "es-ES", "elevenlabs.rosa:turbo")
    agent.add_hint("Rossi")
    agent.add_pattern_hint("Cabby", "cab bee", "Cabby", ignore_case=True)
    agent.add_pronunciation("SIP", "sip", ignore_case=True)
    agent.set_params(
        {"ai_model": "gpt-4o-mini", "end_of_speech_timeout": 900, "attention_timeout": 15000}
    )
    agent.set_global_data({"shop": "Rossi"})
    agent.set_native_functions(["check_time", "wait_seconds"])
    contexts = agent.define_contexts()
    default = contexts.add_context("default")
    first = default.add_step("greet")
    first.set_text("Greet.").set_step_criteria("Greeted.").set_functions("none")
    first.set_valid_steps(["ask"]).set_valid_contexts(["desk"])
    ask = default.add_step("ask").add_section("Task", "Ask.")
    ask.set_gather_info(output_key="caller", completion_action="next_step")
    ask.add_gather_question("name", "What is your name?", confirm=True)
    ask.add_gather_question("age", "How old are you?", type="integer")
    last = default.add_step("end").set_text("Thank them.")
    last.set_skip_user_turn(True)
    desk = contexts.add_context("desk").set_isolated(True).set_system_prompt("You are a desk.")
    desk.add_enter_filler("en-US", ["The desk, one moment."])
    desk.add_step("help").set_text("Help.").set_end(True)
    return agent


@pytest.mark.swml("verb", "ai", "all that both SDKs can say of an agent is said of ours")
@pytest.mark.parametrize("sdk", SDKS)
def test_all_that_an_sdk_can_say_of_an_agent_is_taken_over(sdk: str) -> None:
    inline = read(_whole(sdk))
    spec = inline.spec
    assert spec.prompt is not None
    assert spec.prompt.startswith("## Role\n\nHelp.\n\n- kindly\n- quickly\n\n### Tone")
    [brain] = spec.brain
    assert brain.options == {"temperature": 0.4, "top_p": 0.9}
    assert (spec.turn.confidence, spec.barge_in.confidence) == (0.7, 0.6)
    assert (spec.end_of_turn_ms, spec.complete_ms) == (900, 250)
    assert spec.attention is not None and spec.attention.after == 15.0
    assert [one.code for one in spec.languages] == ["en-US", "es-ES"]
    assert (spec.hints, len(spec.reword), len(spec.pronounce)) == (("Rossi", "Cabby"), 1, 1)
    assert spec.swaig is not None
    assert spec.swaig.native_functions == ("check_time", "wait_seconds")
    greet, ask, end = spec.contexts["default"].steps
    assert (greet.functions, greet.valid_contexts) == ((), ("desk",))
    assert ask.text == "## Task\nAsk."
    assert ask.gather_info is not None
    assert [(q.key, q.type, q.confirm) for q in ask.gather_info.questions] == [
        ("name", "string", True), ("age", "number", False),
    ]  # fmt: skip
    assert (ask.gather_info.into, ask.gather_info.output_key) == ("global_data", "caller")
    assert end.skip_user_turn
    desk = spec.contexts["desk"]
    assert desk.isolated and desk.system_prompt == "You are a desk."
    assert desk.enter_fillers == {"en-US": ("The desk, one moment.",)}
    assert [n for n in inline.notes if not n.startswith("voice ")] == []


def test_every_parameter_of_the_schema_has_a_row() -> None:
    folder = Path(signalwire.__file__).parent
    schema = json.loads((folder / "schema.json").read_text())
    published = schema["$defs"]["AIParams"]["properties"].keys()
    assert len(published) == 92
    assert published == PARAMS.keys()
    assert {state for _, state, _ in rows()} == {"works", "near", "others", "ignored"}
