"""Ears, mind or mouth fail; the call never goes silent and nothing is left running."""

import asyncio
import math

import pytest

from sipagent.agent.limits import Limits
from sipagent.agent.protocols import Say
from sipagent.call.services import TalkEnd
from sipagent.errors import ProviderError
from sipagent.events import CallEnded, ProviderFailed, Said, Warned
from sipagent.testing.fakes import BeepMouth, Line, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import run_virtual, virtual_time

BROKEN = ProviderError("vendor", "no such key", retryable=False)
FLAKY = ProviderError("vendor", "connection reset")
APOLOGY = "Please say that again."


async def say_something(talk: FakeTalk, quiet: int = 4000) -> None:
    await talk.person.speak(500, then_quiet=quiet)


def failures(talk: FakeTalk) -> list[tuple[str, str]]:
    return [(event.role, event.then) for event in talk.call.all(ProviderFailed)]


@virtual_time
async def test_a_broken_mind_is_apologised_for() -> None:
    async with a_talk(
        ears=ScriptedEars("hello", "hello"), brain=ScriptedBrain([BROKEN]), apology=APOLOGY
    ) as talk:
        await say_something(talk)
        assert failures(talk) == [("mind", "apology")]
        assert talk.heard_words() == APOLOGY
        await say_something(talk)
        assert talk.heard_words() == f"{APOLOGY} Yes."


@virtual_time
async def test_a_mind_that_fails_once_is_asked_again_unheard() -> None:
    brain = ScriptedBrain([FLAKY], "Here I am.")
    async with a_talk(ears=ScriptedEars("hello"), brain=brain) as talk:
        await say_something(talk)
        assert failures(talk) == [("mind", "retry")]
        assert talk.heard_words() == "Here I am."


@virtual_time
async def test_a_mind_that_breaks_off_is_not_asked_again_for_what_was_said() -> None:
    brain = ScriptedBrain([Say("One two. "), FLAKY])
    async with a_talk(ears=ScriptedEars("hello"), brain=brain, apology=APOLOGY) as talk:
        await say_something(talk)
        assert failures(talk) == [("mind", "apology")]
        assert talk.heard_words() == f"One two. {APOLOGY}"


@virtual_time
async def test_a_mind_that_says_nothing_is_not_waited_for_in_silence() -> None:
    async with a_talk(
        ears=ScriptedEars("hello"), brain=ScriptedBrain([math.inf]), apology=APOLOGY
    ) as talk:
        await say_something(talk, quiet=9500)
        assert failures(talk) == [("mind", "apology")]
        assert talk.heard_words() == APOLOGY
        assert talk.brain.cancelled == 1


@virtual_time
async def test_a_mind_that_fails_twice_in_a_row_hands_the_caller_on() -> None:
    brain = ScriptedBrain([BROKEN], [BROKEN])
    async with a_talk(ears=ScriptedEars("hello", "hello"), brain=brain, fallback="person") as talk:
        await say_something(talk)
        await say_something(talk, quiet=600)
        assert await talk.end() == TalkEnd("failed", "person")
        assert failures(talk) == [("mind", "apology"), ("mind", "fallback")]


@virtual_time
async def test_a_turn_that_went_well_forgives_the_failure_before_it() -> None:
    brain = ScriptedBrain([BROKEN], "Fine.", [BROKEN], "Fine again.")
    ears = ScriptedEars(*["hello"] * 4)
    async with a_talk(ears=ears, brain=brain, apology=APOLOGY) as talk:
        for _ in range(4):
            await say_something(talk)
        assert talk.heard_words() == f"{APOLOGY} Fine. {APOLOGY} Fine again."


@virtual_time
async def test_ears_that_fail_once_hear_the_whole_turn_again() -> None:
    ears = ScriptedEars(Line("", fault=FLAKY), "hello")
    async with a_talk(ears=ears) as talk:
        await talk.until(500)
        await say_something(talk)
        assert failures(talk) == [("ears", "retry")]
        assert ears.heard[0] == ears.heard[1]
        assert talk.heard_words() == "Yes."


@pytest.mark.parametrize("fault", [BROKEN, math.inf])
def test_ears_that_do_not_hear_are_apologised_for(fault: Exception | float) -> None:
    async def run() -> None:
        ears = ScriptedEars(Line("", fault=fault), "hello")
        async with a_talk(ears=ears, apology=APOLOGY) as talk:
            await say_something(talk, quiet=8000)
            assert failures(talk) == [("ears", "apology")]
            assert talk.heard_words() == APOLOGY
            await say_something(talk)
            assert talk.heard_words() == f"{APOLOGY} Yes."

    run_virtual(run())


@virtual_time
async def test_a_mouth_that_fails_once_is_asked_again() -> None:
    async with a_talk(mouth=BeepMouth(faults=[FLAKY]), greeting="Good morning.") as talk:
        await talk.until(1000)
        assert failures(talk) == [("mouth", "retry")]
        assert talk.heard_words() == "Good morning."


@virtual_time
async def test_a_mouth_that_is_broken_for_a_sentence_still_apologises() -> None:
    mouth = BeepMouth(faults=[BROKEN])
    async with a_talk(mouth=mouth, ears=ScriptedEars("hello"), apology=APOLOGY) as talk:
        await say_something(talk)
        assert failures(talk) == [("mouth", "apology")]
        assert talk.heard_words() == APOLOGY
        assert [m.text for m in talk.conversation.messages if m.role == "agent"] == ["", APOLOGY]


@pytest.mark.parametrize("fault", [BROKEN, math.inf])
def test_without_a_mouth_the_caller_is_handed_on(fault: Exception | float) -> None:
    async def run() -> None:
        mouth = BeepMouth(faults=[fault] * 9)
        limits = Limits(speech_chunk=1.0)
        async with a_talk(
            mouth=mouth, greeting="Good morning.", fallback="person", limits=limits
        ) as talk:
            assert await talk.end() == TalkEnd("failed", "person")
            assert failures(talk) == [("mouth", "apology")]
            assert talk.call.bridge.clock.t < 2000

    run_virtual(run())


@virtual_time
async def test_speech_that_nobody_can_hear_is_said_again() -> None:
    words = " ".join("abcdefghijklmnop")
    async with a_talk(greeting=words) as talk:
        await talk.until(510)
        talk.call.bridge.disconnect(talk.port, talk.call.caller)
        await talk.until(6000)
        assert [e.code for e in talk.call.all(Warned)] == ["speech_not_played"]
        # what was cut off in the middle of a word is said whole
        assert talk.heard_words() == "a b c d e f g h i j k l m n o p"
        assert talk.said == [("agent", "a b c d e"), ("agent", "f g h i j k l m n o p")]


@virtual_time
async def test_speech_that_cannot_be_heard_at_all_ends_the_talk() -> None:
    async with a_talk(greeting=" ".join("abcdefghijklmnop"), fallback="person") as talk:
        for t in (500, 2800):
            await talk.until(t)
            talk.call.bridge.disconnect(talk.port, talk.call.caller)
        assert await talk.end() == TalkEnd("failed", "person")
        assert talk.call.bridge.clock.t < 6000


@virtual_time
async def test_hanging_up_in_the_middle_of_a_reply_ends_everything() -> None:
    before = asyncio.all_tasks()
    brain = ScriptedBrain([Say("one two three four five. "), 30.0, Say("six")])
    async with a_talk(ears=ScriptedEars("hello"), brain=brain) as talk:
        during = asyncio.all_tasks()
        await talk.person.speak(400, then_quiet=700)
        talk.call.caller.hang_up_remotely()
        hung_up = asyncio.get_running_loop().time()
        assert await talk.end() == TalkEnd("gone")
        assert asyncio.get_running_loop().time() == hung_up
        assert brain.cancelled == 1
        # only the session's own reader of keys may still be there
        assert len(asyncio.all_tasks() - before) < len(during - before)
        assert not any("sipagent/agent" in str(task) for task in asyncio.all_tasks())
        last = talk.call.all(Said)[-1]
        assert last.interrupted and last.text and last.unheard
        assert talk.conversation.messages[-1].text == last.text
    assert isinstance(talk.call.events[-1], CallEnded)


@virtual_time
async def test_a_closed_port_ends_the_talk() -> None:
    async with a_talk(greeting="one two three four five six") as talk:
        await talk.until(300)
        talk.call.bridge.close_port(talk.port)
        assert await talk.end() == TalkEnd("gone")
        assert not any("sipagent/agent" in str(task) for task in asyncio.all_tasks())


@virtual_time
async def test_a_cancelled_talk_leaves_nothing_running() -> None:
    async with a_talk(ears=ScriptedEars("hello"), brain=ScriptedBrain([60.0])) as talk:
        await talk.person.speak(400, then_quiet=2000)
        talk.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talk.running
        assert not any("sipagent/agent" in str(task) for task in asyncio.all_tasks())


@pytest.mark.slow
def test_an_hour_of_conversation_keeps_the_number_of_tasks_flat() -> None:
    turns = 360

    async def run() -> tuple[set[int], int]:
        ears = ScriptedEars(*[f"turn {n}" for n in range(turns)])
        counts: set[int] = set()
        async with a_talk(ears=ears, greeting="Good morning.") as talk:
            for n in range(turns):
                await talk.until(3000 + n * 10_000)
                talk.person.heard.clear()
                counts.add(len(asyncio.all_tasks()))
                await talk.person.speak(400)
            await talk.until(turns * 10_000)
            return counts, len(talk.brain.saw)

    counts, replies = run_virtual(run(), limit=4000)
    assert replies == turns
    assert len(counts) == 1
