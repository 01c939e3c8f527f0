"""What an SWML agent hears, and what it does about silence, by its parameters."""

import asyncio
from typing import Any

import pytest

from sipagent.agent.protocols import ToolCall
from sipagent.agent.spec import AgentSpec
from sipagent.events import TurnEnded
from sipagent.testing.fakes import Line, Partial, ScriptedBrain, ScriptedEars
from sipagent.testing.swml_agents import SLOW, keys, texts
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time


@pytest.mark.swml("param", "attention_timeout", "a silent caller is spoken to")
@pytest.mark.swml("param", "attention_timeout_prompt", "a silent caller is spoken to")
@pytest.mark.swml("param", "functions_on_no_response", "functions are offered then, or not")
@pytest.mark.parametrize("offered", [True, False])
def test_a_silent_caller_is_spoken_to_by_the_model(offered: bool) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(
            attention_timeout=10_000,
            attention_timeout_prompt="Wake them.",
            functions_on_no_response=offered,
        )
        brain = ScriptedBrain("Are you there?")
        async with a_talk(brain=brain, tools=(SLOW,), **declared) as talk:
            await talk.until(9_500)
            assert brain.saw == []
            await talk.until(12_000)
            assert [m.text for m in brain.saw[0]] == ["Wake them."]
            assert texts(talk, "agent") == ["Are you there?"]
            assert brain.offered == [("slow",) if offered else ()]

    run()


@virtual_time
async def test_an_attention_timeout_of_zero_asks_nobody() -> None:
    async with a_talk(**keys(attention_timeout=0)) as talk:
        await talk.until(120_000)
        assert talk.brain.saw == []


@pytest.mark.swml(
    "param", "inactivity_timeout", "ends the talk though the agent has asked meanwhile"
)
@virtual_time
async def test_inactivity_ends_the_talk() -> None:
    async with a_talk(**keys(inactivity_timeout=30_000, attention_timeout=10_000)) as talk:
        end = await talk.end()
        assert end.reason == "silent"
        assert 30_000 <= talk.call.bridge.clock.t < 30_200
        assert len(talk.brain.saw) == 2


@pytest.mark.swml(
    "param", "outbound_attention_timeout", "somebody who was called and says nothing is left"
)
@pytest.mark.swml("param", "direction", "says who called whom")
@virtual_time
async def test_who_was_called_and_says_nothing_is_left() -> None:
    declared = keys(outbound_attention_timeout=20_000, direction="outbound", attention_timeout=0)
    async with a_talk(**declared) as talk:
        assert (await talk.end()).reason == "silent"
        assert 20_000 <= talk.call.bridge.clock.t < 20_200
    async with a_talk(**keys(outbound_attention_timeout=20_000, attention_timeout=0)) as talk:
        await talk.until(25_000)
        assert not talk.running.done()


@pytest.mark.swml("param", "hard_stop_time", "last words by the prompt, then the next step")
@pytest.mark.swml("param", "hard_stop_prompt", "last words by the prompt, then the next step")
@virtual_time
async def test_a_hard_stop_says_its_last_words_and_ends() -> None:
    brain = ScriptedBrain("I must go.")
    declared = keys(hard_stop_time="1m", hard_stop_prompt="Say goodbye.", attention_timeout=0)
    async with a_talk(brain=brain, tools=(SLOW,), **declared) as talk:
        end = await talk.end()
        assert (end.reason, end.section) == ("limit", None)
        assert 60_000 < talk.call.bridge.clock.t < 62_000
        assert [m.text for m in brain.saw[0]] == ["Say goodbye."]
        assert brain.offered == [()]
        assert talk.heard_words() == "I must go."


@pytest.mark.swml("param", "end_of_speech_timeout", "so much silence ends a turn")
@pytest.mark.parametrize("ms", [300, 1500])
def test_a_turn_ends_after_the_silence_that_is_asked_for(ms: int) -> None:
    @virtual_time
    async def run() -> None:
        async with a_talk(ears=ScriptedEars("hello"), **keys(end_of_speech_timeout=ms)) as talk:
            await talk.until(100)
            await talk.person.speak(600, then_quiet=3000)
            [ended] = talk.call.all(TurnEnded)
            assert ms <= ended.silence_ms <= ms + 40

    run()


@pytest.mark.swml(
    "param", "turn_detection_timeout", "so much silence ends a turn that is a whole sentence"
)
@pytest.mark.swml("param", "enable_turn_detection", "false: sentences end no turn sooner")
@pytest.mark.parametrize(
    ("more", "ms"),
    [({}, 250), ({"turn_detection_timeout": 400}, 400), ({"enable_turn_detection": False}, 900)],
)
def test_a_whole_sentence_ends_a_turn_sooner(more: dict[str, Any], ms: int) -> None:
    @virtual_time
    async def run() -> None:
        line = Line("I want a hat.", (Partial(500, "I want a hat.", complete=True),))
        declared = keys(end_of_speech_timeout=900, **more)
        async with a_talk(ears=ScriptedEars(line), **declared) as talk:
            await talk.until(100)
            await talk.person.speak(600, then_quiet=3000)
            [ended] = talk.call.all(TurnEnded)
            assert ms <= ended.silence_ms <= ms + 40

    run()


@pytest.mark.swml("param", "digit_timeout", "so long without a key ends an entry")
@pytest.mark.swml("param", "digit_terminators", "these keys end an entry, and are no part of it")
@virtual_time
async def test_keys_end_by_their_terminators_or_their_timeout() -> None:
    async with a_talk(**keys(digit_timeout=2000, digit_terminators="*#")) as talk:
        await talk.until(100)
        talk.person.press("12*")
        await talk.until(200)
        [first] = talk.call.all(TurnEnded)
        assert first.evidence == "the last key was pressed"
        talk.person.press("34")
        await talk.until(2100)
        assert len(talk.call.all(TurnEnded)) == 1
        await talk.until(2400)
        assert [m.digits for m in talk.conversation.messages if m.role == "caller"] == ["12", "34"]


@pytest.mark.swml("param", "speech_timeout", "a turn lasts so long at most")
@virtual_time
async def test_a_turn_lasts_as_long_as_it_may() -> None:
    async with a_talk(ears=ScriptedEars("so on"), **keys(speech_timeout=3000)) as talk:
        await talk.until(100)
        await talk.person.speak(5000, then_quiet=100)
        ended = talk.call.all(TurnEnded)[0]
        assert (ended.reason, ended.voiced_ms) == ("too_long", 3000)


@pytest.mark.swml("param", "energy_level", "what is fainter is not heard")
@pytest.mark.parametrize(("level", "turns"), [(52, 1), (95, 0)])
def test_a_voice_below_the_energy_level_is_none(level: int, turns: int) -> None:
    @virtual_time
    async def run() -> None:
        async with a_talk(ears=ScriptedEars("hello"), **keys(energy_level=level)) as talk:
            await talk.until(100)
            await talk.person.speak(600, then_quiet=3000)
            assert len(talk.call.all(TurnEnded)) == turns

    run()


@pytest.mark.swml("param", "vad_config", "the threshold of voice")
def test_the_threshold_of_voice_is_taken_over() -> None:
    rules = AgentSpec(**keys(vad_config="80:20")).turn.vad_threshold
    assert rules == 0.8


@pytest.mark.swml("param", "start_paused", "silent until it is called by its name")
@pytest.mark.swml("param", "ai_name", "silent until it is called by its name")
@pytest.mark.swml("param", "wake_prefix", "silent until it is called by its name")
@virtual_time
async def test_a_paused_agent_answers_once_it_is_called() -> None:
    ears = ScriptedEars("hello", "computer", "Hey, Computer! what time is it", "thanks")
    declared = keys(start_paused=True, wake_prefix="hey", wait_for_user=False)
    async with a_talk(ears=ears, **declared) as talk:
        for _ in range(4):
            await asyncio.sleep(0.5)
            await talk.person.speak(500, then_quiet=2000)
        assert [saw[-1].text for saw in talk.brain.saw] == [
            "Hey, Computer! what time is it", "thanks",
        ]  # fmt: skip
        assert [m.text for m in talk.brain.saw[0]][:2] == ["hello", "computer"]


@pytest.mark.swml("param", "enable_pause", "the model can fall silent until its name is said")
@virtual_time
async def test_an_agent_can_be_paused_and_called_back() -> None:
    ears = ScriptedEars("hold on", "not you", "Robbie are you there")
    brain = ScriptedBrain([ToolCall("1", "pause_conversation", {})], "Say Robbie.", "I am back.")
    async with a_talk(ears=ears, brain=brain, **keys(enable_pause=True, ai_name="Robbie")) as talk:
        for _ in range(3):
            await asyncio.sleep(0.5)
            await talk.person.speak(500, then_quiet=2500)
        assert texts(talk, "agent") == ["Say Robbie.", "I am back."]


@pytest.mark.swml("param", "speak_when_spoken_to", "answers only what its name was said in")
@virtual_time
async def test_an_agent_that_is_not_spoken_to_is_silent() -> None:
    ears = ScriptedEars("what do you think Bob", "Computer what do you think", "well Bob")
    async with a_talk(ears=ears, **keys(speak_when_spoken_to=True, attention_timeout=0)) as talk:
        for _ in range(3):
            await asyncio.sleep(0.5)
            await talk.person.speak(500, then_quiet=2000)
        assert [saw[-1].text for saw in talk.brain.saw] == ["Computer what do you think"]


@pytest.mark.swml(
    "param", "asr_speaker_affinity", "a voice far fainter than the caller's is not answered"
)
@virtual_time
async def test_somebody_in_the_background_is_not_answered() -> None:
    ears = ScriptedEars("hello", "what is on television", "goodbye")
    declared = keys(asr_speaker_affinity=True, attention_timeout=0)
    async with a_talk(ears=ears, **declared) as talk:
        for level in (8000, 1300, 8000):
            await asyncio.sleep(0.5)
            await talk.person.speak(900, level=level, then_quiet=2500)
        assert [saw[-1].text for saw in talk.brain.saw] == ["hello", "goodbye"]


@pytest.mark.swml("verb", "ai", "hints: what the ears got wrong is put right by a pattern")
@virtual_time
async def test_what_the_ears_got_wrong_is_put_right() -> None:
    hints = [{"hint": "Cabby", "pattern": r"cab (bee|be)", "replace": "Cabby", "ignore_case": True}]
    ears = ScriptedEars("I want Cab bee now")
    async with a_talk(ears=ears, **keys({"hints": hints})) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=2000)
        assert talk.said[0] == ("caller", "I want Cabby now")
        assert "Cabby" in AgentSpec(**keys({"hints": hints})).hints
