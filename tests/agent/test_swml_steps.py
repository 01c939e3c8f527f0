"""Contexts, steps and forms of an SWML agent, on a call."""

from typing import Any

import pytest

from sipagent.agent.protocols import ToolCall
from sipagent.events import Gathered, StepChanged
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.swml_agents import SLOW, keys, texts
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time

GREET = {"name": "greet", "text": "Greet.", "functions": "none", "valid_contexts": ["desk"]}
ASK = {"name": "ask", "text": "Ask.", "functions": ["slow"], "valid_steps": ["next"]}
END = {"name": "bye", "text": "Say goodbye to ${global_data.name}.", "end": True}
DESK = {
    "steps": [{"name": "first", "text": "x"}, {"name": "help", "text": "Help."}],
    "initial_step": "help",
    "isolated": True,
    "prompt": "You are at the desk.",
    "enter_fillers": {"en-US": ["The desk."], "default": ["Desk."]},
}
DEFAULT = {"steps": [GREET, ASK, END], "exit_fillers": {"default": ["I put you through."]}}


def an_agent(contexts: dict[str, Any], **params: Any) -> dict[str, Any]:
    return keys({"prompt": {"text": "Be kind.", "contexts": contexts}}, conscience="", **params)


async def turns(talk: FakeTalk, count: int) -> None:
    for _ in range(count):
        await talk.until(talk.call.bridge.clock.t + 300)
        await talk.person.speak(400, then_quiet=2000)


@pytest.mark.swml("verb", "ai", "contexts: each step offers its own functions and ways on")
@virtual_time
async def test_each_step_offers_its_functions_and_its_ways_on() -> None:
    brain = ScriptedBrain(
        [ToolCall("1", "next_step", {"step": "ask"})],
        "What is it?",
        [ToolCall("2", "next_step", {})],
        "Bye.",
    )
    declared = an_agent({"default": DEFAULT, "desk": DESK})
    async with a_talk(ears=ScriptedEars("hi", "this"), brain=brain, tools=(SLOW,), **declared) as t:
        await turns(t, 2)
        assert brain.offered == [
            ("next_step", "change_context"),
            ("slow", "next_step"),
            ("slow", "next_step"),
            ("slow",),
        ]
        assert [e.step for e in t.call.all(StepChanged)] == ["greet", "ask", "bye"]
        assert "Say goodbye to ." in t.conversation.prompt


@pytest.mark.swml("verb", "ai", "contexts: isolated ones begin at their step, with fillers")
@virtual_time
async def test_a_context_is_entered_with_fillers_and_without_the_past() -> None:
    brain = ScriptedBrain([ToolCall("1", "change_context", {"context": "desk"})], "How can I help?")
    declared = an_agent({"default": DEFAULT, "desk": DESK})
    async with a_talk(ears=ScriptedEars("the desk please"), brain=brain, **declared) as talk:
        await turns(talk, 1)
        assert texts(talk, "agent") == ["I put you through. Desk. How can I help?"]
        assert "caller" not in [m.role for m in brain.saw[-1]]
        assert "You are at the desk.\n\nCurrent step: help" in talk.conversation.prompt


@virtual_time
async def test_contexts_without_a_default_begin_in_the_first() -> None:
    contexts = {"sales": {"steps": [END]}, "support": DESK}
    async with a_talk(**an_agent(contexts)) as talk:
        await talk.until(100)
        [entered] = talk.call.all(StepChanged)
        assert (entered.context, entered.step) == ("sales", "bye")


@pytest.mark.swml("verb", "ai", "gather_info: answers go into global data, unseen by the model")
@virtual_time
async def test_a_form_is_filled_into_global_data_and_the_model_does_not_see_it() -> None:
    gather = {
        "questions": [
            {"key": "name", "question": "Your name?"},
            {"key": "mail", "question": "Your address?", "type": "email"},
        ],
        "output_key": "caller",
        "completion_action": "next_step",
    }
    form = {"name": "form", "text": "Fill it.", "gather_info": gather}
    last = {"name": "bye", "text": "Thank ${global_data.caller.name}.", "end": True}
    brain = ScriptedBrain(
        [ToolCall("1", "answer", {"value": "Ann"})],
        "Your address?",
        [ToolCall("2", "answer", {"value": "nonsense"})],
        "Once more, please?",
        [ToolCall("3", "answer", {"value": "ann@example.com"})],
        "Thank you.",
    )
    ears = ScriptedEars("Ann", "nonsense", "ann at example dot com")
    declared = an_agent({"default": {"steps": [form, last]}})
    async with a_talk(ears=ears, brain=brain, provider="scripted", **declared) as talk:
        await turns(talk, 3)
        data = talk.call.session.scope["global_data"]
        assert data["caller"] == {"name": "Ann", "mail": "ann@example.com"}
        assert [e.key for e in talk.call.all(Gathered)] == ["name", "mail"]
        assert "Thank Ann." in talk.conversation.prompt
        # a refusal is read while it is the newest; nothing else of the form is ever seen
        assert [[m.role for m in saw] for saw in brain.saw] == [
            ["caller"],
            ["caller"],
            ["caller", "agent", "caller"],
            ["caller", "agent", "caller", "agent", "tool"],
            ["caller", "agent", "caller", "agent", "caller"],
            ["caller", "agent", "caller", "agent", "caller"],
        ]
        assert [m.role for m in talk.conversation.messages].count("tool") == 3
