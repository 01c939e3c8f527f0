"""How an SWML agent is interrupted, by its parameters."""

from typing import Any

import pytest

from sipagent.agent.protocols import ToolCall
from sipagent.events import BargeIn, TurnEnded
from sipagent.testing.fakes import Line, Partial, ScriptedBrain, ScriptedEars
from sipagent.testing.swml_agents import LONG, SLOW, keys
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time


async def _spoken_over(talk: FakeTalk, ms: int = 1200) -> None:
    """The agent talks at length and is spoken over."""
    await talk.until(1000)
    await talk.person.speak(ms, then_quiet=3000)


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
