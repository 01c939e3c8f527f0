"""What an SWML agent's parameters do to a call: one test for what a caller would notice of each."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from sipagent.agent.protocols import Say, ToolCall
from sipagent.agent.refs import ProviderRef
from sipagent.agent.spec import AgentSpec
from sipagent.call.control import CallControl
from sipagent.config.swml import Swml
from sipagent.dialplan.swml.ai import CONSCIENCE, agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.events import BargeIn, SpeechStarted, TurnEnded, Warned
from sipagent.testing.fakes import FakeSounds, Line, Partial, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec

HOUSE = Vocabulary(swml=Swml(brain=(ProviderRef(provider="scripted"),)))
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"


def keys(ai: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    """An SWML agent with these parameters, as keys of an agent; it is spoken to first."""
    params.setdefault("wait_for_user", True)
    spec = agent_of({"prompt": {"text": "Be kind."}, "params": params, **(ai or {})}, HOUSE).spec
    said = spec.model_fields_set - {"brain", "ears", "voice"}
    return {name: getattr(spec, name) for name in said}


def texts(talk: FakeTalk, role: str) -> list[str]:
    return [m.text for m in talk.conversation.messages if m.role == role and m.text]


async def _slow(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    await asyncio.sleep(1)
    return ToolResult("done")


SLOW = ToolSpec("slow", "Takes a second.", {"type": "object"}, _slow)


def sounds(talk: FakeTalk) -> FakeSounds:
    found = talk.call.session.services.sounds
    assert isinstance(found, FakeSounds)
    return found


def tools_of(saw: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(names) for names in saw]


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


@pytest.mark.swml(
    "param", "static_greeting_no_barge", "the greeting is heard to its end though spoken over"
)
@pytest.mark.parametrize("no_barge", [True, False])
def test_a_greeting_without_barge_is_heard_to_its_end(no_barge: bool) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(static_greeting=LONG, static_greeting_no_barge=no_barge)
        async with a_talk(ears=ScriptedEars("stop it now"), **declared) as talk:
            await talk.until(300)
            await talk.person.speak(800)
            await talk.until(4000)
            assert ("fifteen" in talk.heard_words()) is no_barge

    run()


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
            assert tools_of(brain.offered) == [("slow",) if offered else ()]

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
        assert tools_of(brain.offered) == [()]
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


@pytest.mark.swml(
    "param", "speech_event_timeout", "a noisy line does not keep a turn open after its words"
)
@virtual_time
async def test_a_turn_ends_when_its_words_do_though_the_noise_goes_on() -> None:
    line = Line("a taxi", (Partial(600, "a taxi"),))
    async with a_talk(ears=ScriptedEars(line), **keys(speech_event_timeout=1400)) as talk:
        await talk.until(100)
        await talk.person.speak(5000, then_quiet=100)
        ended = talk.call.all(TurnEnded)[0]
        assert (ended.rule, ended.evidence) == ("speech_event", "no new words for 1400 ms")
        assert ended.voiced_ms < 2200


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


async def _spoken_over(talk: FakeTalk, ms: int = 1200) -> None:
    """The agent talks at length and is spoken over."""
    await talk.until(1000)
    await talk.person.speak(ms, then_quiet=3000)


@pytest.mark.swml(
    "param", "enable_barge", "false: nothing stops the agent; complete: what was said to its end"
)
@pytest.mark.parametrize(
    ("value", "stops"), [(False, False), (True, True), ("complete,partial", True), ("all", True)]
)
def test_the_agent_can_be_stopped_or_not(value: Any, stops: bool) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(static_greeting=LONG + " " + LONG, enable_barge=value)
        ears = ScriptedEars(Line("wait a moment please", (Partial(400, "wait a moment"),)))
        async with a_talk(ears=ears, **declared) as talk:
            await _spoken_over(talk)
            stopped = [e for e in talk.call.all(BargeIn) if e.decision == "stopped"]
            assert bool(stopped) is stops

    run()


@virtual_time
async def test_only_what_was_said_to_its_end_stops_an_agent_of_complete_barge() -> None:
    declared = keys(static_greeting=LONG + " " + LONG, enable_barge="complete")
    ears = ScriptedEars(Line("wait a moment please", (Partial(400, "wait a moment"),)))
    async with a_talk(ears=ears, **declared) as talk:
        await talk.until(500)
        await talk.person.speak(800, then_quiet=1500)
        [way] = talk.call.all(BargeIn)
        ended = talk.call.all(TurnEnded)[0]
        assert way.decision == "stopped"
        assert way.t >= ended.t


@virtual_time
async def test_voice_without_words_does_not_stop_an_agent_of_partial_barge() -> None:
    declared = keys(static_greeting=LONG + " " + LONG, enable_barge="partial")
    async with a_talk(ears=ScriptedEars(""), **declared) as talk:
        await talk.until(500)
        await talk.person.speak(1500, then_quiet=2000)
        assert "stopped" not in [e.decision for e in talk.call.all(BargeIn)]


@pytest.mark.swml("param", "barge_min_words", "fewer words do not stop the agent")
@pytest.mark.parametrize(("words", "stops"), [("no", False), ("no wait a moment", True)])
def test_so_many_words_stop_the_agent(words: str, stops: bool) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(static_greeting=LONG + " " + LONG, barge_min_words=3)
        ears = ScriptedEars(Line(words, (Partial(300, words),)))
        async with a_talk(ears=ears, **declared) as talk:
            await talk.until(500)
            await talk.person.speak(1200, then_quiet=2000)
            assert ("stopped" in [e.decision for e in talk.call.all(BargeIn)]) is stops

    run()


@pytest.mark.swml("param", "barge_match_string", "only words that match stop the agent")
@pytest.mark.parametrize(
    ("words", "stops"), [("tell me more please", False), ("oh a Hippopotamus there", True)]
)
def test_only_words_that_match_stop_the_agent(words: str, stops: bool) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(static_greeting=LONG + " " + LONG, barge_match_string="hippo.*mus")
        ears = ScriptedEars(Line(words, (Partial(300, words),)))
        async with a_talk(ears=ears, **declared) as talk:
            await talk.until(500)
            await talk.person.speak(1200, then_quiet=2000)
            assert ("stopped" in [e.decision for e in talk.call.all(BargeIn)]) is stops

    run()


@pytest.mark.swml(
    "param", "first_word_timeout", "an agent that was paused goes on without words by then"
)
@pytest.mark.parametrize("ms", [600, 2000])
def test_a_voice_has_so_long_for_its_first_word(ms: int) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(
            static_greeting=LONG + " " + LONG, first_word_timeout=ms, enable_barge="partial"
        )
        async with a_talk(ears=ScriptedEars(""), **declared) as talk:
            await talk.until(500)
            await talk.person.speak(2500, then_quiet=1000)
            paused, resumed = talk.call.all(BargeIn)[:2]
            assert (paused.decision, resumed.decision) == ("paused", "resumed")
            assert paused.onset is not None and ms <= resumed.t - paused.onset <= ms + 60

    run()


@pytest.mark.swml("param", "interrupt_on_noise", "any sound of a second stops the agent")
@pytest.mark.parametrize("on", [True, False])
def test_a_lasting_sound_stops_the_agent(on: bool) -> None:
    @virtual_time
    async def run() -> None:
        declared = keys(static_greeting=LONG + " " + LONG, interrupt_on_noise=on)
        async with a_talk(**declared) as talk:
            await talk.until(500)
            # loud enough for a sound, and no voice for the detector
            await talk.person.speak(1600, level=900, then_quiet=1000)
            ways = [(e.decision, e.evidence) for e in talk.call.all(BargeIn)]
            assert ways == ([("stopped", "sound of 1000 ms")] if on else [])

    run()


@pytest.mark.swml("param", "transparent_barge", "early interruptions are one turn")
@pytest.mark.swml("param", "transparent_barge_max_time", "early interruptions are one turn")
@pytest.mark.parametrize("value", [True, False])
def test_an_answer_stopped_at_once_is_as_if_it_had_not_been(value: bool) -> None:
    @virtual_time
    async def run() -> None:
        ears = ScriptedEars("I want a hat", Line("and a coat", (Partial(300, "and a coat"),)))
        brain = ScriptedBrain(LONG, "Both, then.")
        async with a_talk(ears=ears, brain=brain, **keys(transparent_barge=value)) as talk:
            await talk.until(100)
            await talk.person.speak(600, then_quiet=1500)
            await talk.person.speak(800, then_quiet=3000)
            said = [(m.role, m.text) for m in brain.saw[-1]]
            if value:
                assert said == [("caller", "I want a hat and a coat")]
            else:
                assert [role for role, _ in said] == ["caller", "agent", "caller"]

    run()


@virtual_time
async def test_an_answer_stopped_late_stays_what_was_heard_of_it() -> None:
    ears = ScriptedEars("I want a hat", Line("and a coat", (Partial(300, "and a coat"),)))
    brain = ScriptedBrain(LONG, "Both, then.")
    declared = keys(transparent_barge_max_time=100)
    async with a_talk(ears=ears, brain=brain, **declared) as talk:
        await talk.until(100)
        await talk.person.speak(600, then_quiet=1500)
        await talk.person.speak(800, then_quiet=3000)
        assert [m.role for m in brain.saw[-1]] == ["caller", "agent", "caller"]


@pytest.mark.swml("param", "interrupt_prompt", "the model is told this after it was interrupted")
@pytest.mark.swml(
    "param", "acknowledge_interruptions", "the model is told to take up that it was interrupted"
)
@virtual_time
async def test_a_model_that_was_interrupted_is_told_so() -> None:
    ears = ScriptedEars(Line("stop it please", (Partial(300, "stop it please"),)), "and now")
    declared = keys(
        static_greeting=LONG, interrupt_prompt="They cut in.", acknowledge_interruptions=True
    )
    async with a_talk(ears=ears, **declared) as talk:
        await talk.until(500)
        await talk.person.speak(800, then_quiet=2000)
        notes = [m.text for m in talk.brain.saw[0] if m.role == "system"]
        assert notes[-1] == "They cut in."
        assert "Acknowledge that" in notes[0]
        await talk.person.speak(800, then_quiet=2000)
        assert [m.text for m in talk.brain.saw[1] if m.role == "system"] == notes


@pytest.mark.swml("param", "barge_functions", "false: no function runs while the caller speaks")
@pytest.mark.parametrize(("value", "ran"), [(False, False), (True, True)])
def test_a_function_waits_for_a_caller_who_speaks(value: bool, ran: bool) -> None:
    @virtual_time
    async def run() -> None:
        ears = ScriptedEars("do it", "and that")
        brain = ScriptedBrain([0.8, ToolCall("1", "slow", {})], "Done.")
        declared = keys(barge_functions=value, enable_barge=False)
        async with a_talk(ears=ears, brain=brain, tools=(SLOW,), **declared) as talk:
            await talk.until(100)
            await talk.person.speak(400, then_quiet=700)
            await talk.person.speak(1500, then_quiet=3000)
            [result] = [m for m in talk.conversation.messages if m.role == "tool"]
            assert result.ok is ran
            assert ran or result.text == "This was not done: the caller is speaking."

    run()


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
