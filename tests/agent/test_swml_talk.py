"""How an SWML agent begins, speaks and uses its tools, by its parameters."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sipagent.agent.protocols import Say, ToolCall
from sipagent.call.control import CallControl
from sipagent.dialplan.swml.ai import CONSCIENCE
from sipagent.events import SpeechStarted, TurnEnded, Warned
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.swml_agents import LONG, SLOW, keys, sounds, texts
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec


@pytest.mark.swml("param", "wait_for_user", "the agent speaks first, or is spoken to first")
@pytest.mark.parametrize(("waits", "said"), [(False, ["Hello there."]), (True, [])])
def test_an_agent_speaks_first_unless_it_is_to_wait(waits: bool, said: list[str]) -> None:
    @virtual_time
    async def run() -> None:
        brain = ScriptedBrain("Hello there.")
        async with a_talk(brain=brain, **keys(wait_for_user=waits)) as talk:
            await talk.until(3000)
            assert texts(talk, "agent") == said

    run()


@pytest.mark.swml("param", "static_greeting", "is said word for word at the beginning")
@pytest.mark.swml("param", "initial_sleep_ms", "nothing is said before")
@virtual_time
async def test_a_static_greeting_is_said_after_the_initial_sleep() -> None:
    declared = keys(static_greeting="Welcome", initial_sleep_ms=2000, wait_for_user=False)
    async with a_talk(**declared) as talk:
        await talk.until(4000)
        [started] = [e for e in talk.call.all(SpeechStarted) if e.speaker == "agent"]
        assert 2000 <= started.t < 2200
        assert talk.said == [("agent", "Welcome")]
        assert talk.brain.saw == []


@pytest.mark.swml("param", "conscience", "stands at the end of every system prompt")
@virtual_time
async def test_the_conscience_stands_at_the_end_of_the_prompt() -> None:
    async with a_talk(ears=ScriptedEars("hi"), **keys()) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=2000)
        assert talk.conversation.prompt == f"Be kind.\n\n{CONSCIENCE}"
    async with a_talk(ears=ScriptedEars("hi"), **keys(conscience="")) as talk:
        assert talk.conversation.prompt in ("", "Be kind.")


@pytest.mark.swml("param", "convo", "is known to the model as said already")
@virtual_time
async def test_seeded_history_is_known_to_the_model() -> None:
    convo = [
        {"role": "user", "content": "my name is Ann"},
        {"role": "assistant", "content": "Hello Ann.", "lang": "en"},
        {"role": "tool", "content": "left out"},
    ]
    async with a_talk(ears=ScriptedEars("who am I"), **keys(convo=convo)) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=2000)
        assert [(m.role, m.text) for m in talk.brain.saw[0]] == [
            ("caller", "my name is Ann"), ("agent", "Hello Ann."), ("caller", "who am I"),
        ]  # fmt: skip


@pytest.mark.swml(
    "param", "conversation_sliding_window", "older messages are not sent to the model"
)
@virtual_time
async def test_a_window_keeps_the_model_to_the_newest_messages() -> None:
    ears = ScriptedEars("one", "two", "three")
    async with a_talk(ears=ears, **keys(conversation_sliding_window=3)) as talk:
        for _ in range(3):
            await asyncio.sleep(0.5)
            await talk.person.speak(400, then_quiet=2000)
        assert [m.text for m in talk.brain.saw[-1]] == ["two", "Yes.", "three"]
        assert [m.text for m in talk.conversation.all][:2] == ["one", "Yes."]


@pytest.mark.swml(
    "param", "function_wait_for_talking", "a function runs once what is being said was heard"
)
@pytest.mark.parametrize("waits", [True, False])
def test_a_function_waits_for_what_is_being_said(waits: bool) -> None:
    @virtual_time
    async def run() -> None:
        began: list[bool] = []

        async def look(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
            began.append("fifteen" in talk.heard_words())
            return ToolResult("seen")

        tool = ToolSpec("look", "Looks.", {"type": "object"}, look)
        brain = ScriptedBrain([Say(f"{LONG}."), ToolCall("1", "look", {})], "Done.")
        declared = keys(function_wait_for_talking=waits)
        async with a_talk(ears=ScriptedEars("go"), brain=brain, tools=(tool,), **declared) as talk:
            await talk.until(100)
            await talk.person.speak(400, then_quiet=5000)
            assert began == [waits]

    run()


@pytest.mark.swml("param", "hold_on_process", "the caller hears music while a function runs")
@pytest.mark.swml("param", "hold_music", "the caller hears music while a function runs")
@virtual_time
async def test_the_caller_hears_music_while_a_function_runs() -> None:
    brain = ScriptedBrain([ToolCall("1", "slow", {})], "Done.")
    declared = keys(hold_on_process=True, hold_music="https://example.com/m.wav")
    async with a_talk(ears=ScriptedEars("go"), brain=brain, tools=(SLOW,), **declared) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=3000)
        loaded = sounds(talk).loaded
        assert loaded and set(loaded) == {"https://example.com/m.wav"}
        assert texts(talk, "agent") == ["Done."]


@pytest.mark.swml("param", "background_file", "plays beneath")
@pytest.mark.swml("param", "background_file_loops", "plays beneath")
@pytest.mark.swml("param", "background_file_volume", "plays beneath")
@virtual_time
async def test_a_background_plays_under_the_agent_and_not_into_its_ears() -> None:
    declared = keys(
        background_file="sea.wav",
        background_file_loops=3,
        background_file_volume=-10,
        static_greeting="Hello",
    )
    async with a_talk(**declared) as talk:
        await talk.until(2000)
        assert sounds(talk).loaded == ["sea.wav"] * 3
        assert any(talk.person.heard_pcm(150))
        assert talk.call.all(TurnEnded) == []


@virtual_time
async def test_a_background_that_cannot_be_played_is_told_and_nothing_else_happens() -> None:
    async with a_talk(**keys(background_file="gone.wav", static_greeting="Hello")) as talk:
        sounds(talk).missing |= {"gone.wav"}
        await talk.until(1000)
        assert talk.said == [("agent", "Hello")]
        [warned] = talk.call.all(Warned)
        assert warned.code == "background"


@pytest.mark.swml("param", "ai_volume", "the agent's voice is louder or fainter")
@virtual_time
async def test_the_agents_voice_is_fainter_as_asked() -> None:
    def loudest(pcm: bytes) -> int:
        return int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max(initial=0))

    async with a_talk(**keys(static_greeting="Hello")) as talk:
        await talk.until(1000)
        plain = loudest(talk.person.heard_pcm(0))
    async with a_talk(**keys(static_greeting="Hello", ai_volume=-20)) as talk:
        await talk.until(1000)
        assert abs(loudest(talk.person.heard_pcm(0)) - plain / 10) <= 2


@pytest.mark.swml("param", "tts_number_format", "numbers are said as within their country")
@virtual_time
async def test_numbers_are_said_as_within_their_country() -> None:
    greeting = "Call +12345678901 or +442071234567"
    async with a_talk(**keys(static_greeting=greeting, tts_number_format="national")) as talk:
        await talk.until(2000)
        assert talk.mouth.sentences == ["Call (234) 567-8901 or +442071234567"]
        assert talk.said == [("agent", greeting)]


@pytest.mark.swml("param", "languages_enabled", "false: the agent stays in its first language")
@pytest.mark.parametrize(("value", "offered"), [(True, True), (False, False)])
def test_languages_can_be_switched_off(value: bool, offered: bool) -> None:
    @virtual_time
    async def run() -> None:
        languages = [{"name": "English", "code": "en"}, {"name": "Spanish", "code": "es"}]
        declared = keys({"languages": languages}, languages_enabled=value)
        async with a_talk(ears=ScriptedEars("hi"), **declared) as talk:
            await talk.until(100)
            await talk.person.speak(400, then_quiet=2000)
            assert ("change_language" in talk.brain.offered[0]) is offered

    run()


@pytest.mark.swml("param", "persist_global_data", "false: what an earlier agent left is gone")
@pytest.mark.parametrize(("value", "left"), [(True, "gold"), (False, "")])
def test_global_data_is_kept_from_agent_to_agent_or_not(value: bool, left: str) -> None:
    @virtual_time
    async def run() -> None:
        ai = {
            "global_data": {"shop": "Rossi"},
            "prompt": {"text": "${global_data.shop} ${global_data.level}"},
        }
        async with a_talk(**keys(ai, conscience="", persist_global_data=value)) as talk:
            talk.call.session.scope["global_data"] = {"level": "gold"}
            await talk.until(100)
            data = talk.call.session.scope["global_data"]
            assert (data["shop"], data.get("level", "")) == ("Rossi", left)
            assert data["caller_id_number"]
            assert talk.call.session.live_agent is not None

    run()


@pytest.mark.swml("verb", "ai", "languages: the model is told which one is spoken")
@virtual_time
async def test_the_model_is_told_which_language_is_spoken() -> None:
    languages = [{"name": "Spanish", "code": "es"}, {"name": "English", "code": "en"}]
    brain = ScriptedBrain([ToolCall("1", "change_language", {"language": "English"})], "Hello.")
    declared = keys({"languages": languages}, conscience="")
    async with a_talk(ears=ScriptedEars("English please"), brain=brain, **declared) as talk:
        await talk.until(100)
        assert talk.conversation.prompt in ("", "Be kind.\n\nThe caller is spoken to in Spanish.")
        await talk.person.speak(400, then_quiet=2000)
        assert talk.conversation.prompt == "Be kind.\n\nThe caller is spoken to in English."
