"""Keys always win; silence is asked about, then acted on."""

from itertools import pairwise

from sipagent.agent.protocols import Expectation, Say
from sipagent.call.services import TalkEnd
from sipagent.events import BargeIn, SpeechStarted
from sipagent.testing.fakes import Line, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time

LONG = " ".join(f"w{n}" for n in range(40))


def typed(talk: FakeTalk) -> list[str]:
    return [m.digits for m in talk.conversation.messages if m.role == "caller"]


@virtual_time
async def test_a_key_stops_the_agent_at_once() -> None:
    async with a_talk(greeting=LONG) as talk:
        await talk.until(1000)
        talk.person.press("1")
        await talk.until(2100)
        loud = [f.t for f in talk.person.heard if any(f.pcm)]
        assert max(loud) <= 1040
        [stopped] = talk.call.all(BargeIn)
        assert (stopped.decision, stopped.evidence) == ("stopped", "key")


@virtual_time
async def test_keys_pressed_together_are_one_message() -> None:
    async with a_talk() as talk:
        for at, key in ((500, "1"), (1300, "2"), (2100, "3")):
            await talk.until(at)
            talk.person.press(key)
        await talk.until(3200)
        assert typed(talk) == []
        await talk.until(4000)
        assert typed(talk) == ["123"]
        assert talk.heard_words() == "Yes."


@virtual_time
async def test_a_hash_ends_the_number_at_once() -> None:
    async with a_talk() as talk:
        await talk.until(500)
        talk.person.press("42#")
        await talk.until(600)
        assert typed(talk) == ["42"]


@virtual_time
async def test_a_lone_hash_is_a_key_of_its_own() -> None:
    async with a_talk() as talk:
        await talk.until(500)
        talk.person.press("#")
        await talk.until(600)
        assert typed(talk) == ["#"]


@virtual_time
async def test_a_key_wins_over_what_is_being_said() -> None:
    ears = ScriptedEars("never mind")
    async with a_talk(ears=ears) as talk:
        await talk.until(500)
        talk.person.talk(600)
        await talk.until(800)
        talk.person.press("1#")
        await talk.until(820)
        assert typed(talk) == ["1"]


@virtual_time
async def test_a_key_replaces_an_answer_that_is_being_thought_about() -> None:
    brain = ScriptedBrain([5.0, Say("late")], "Number one.")
    async with a_talk(ears=ScriptedEars("hello"), brain=brain) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=1000)
        talk.person.press("1#")
        await talk.until(9000)
        assert talk.heard_words() == "Number one."


@virtual_time
async def test_a_silent_caller_is_asked_and_then_left() -> None:
    async with a_talk(
        silence_seconds=5.0, silence_limit=2, silence_prompt="Still there?", fallback="desk"
    ) as talk:
        assert await talk.end() == TalkEnd("silent", "desk")
        assert talk.heard_words() == "Still there? Still there?"
        assert 15_000 <= talk.call.bridge.clock.t <= 16_000


@virtual_time
async def test_an_answer_starts_the_count_again() -> None:
    async with a_talk(
        ears=ScriptedEars("I am here"), silence_seconds=5.0, silence_limit=2,
        silence_prompt="Still there?",
    ) as talk:  # fmt: skip
        await talk.until(11_000)
        await talk.person.speak(500)
        assert await talk.end() == TalkEnd("silent")
        assert talk.heard_words() == "Still there? Still there? Yes. Still there? Still there?"


@virtual_time
async def test_silence_does_not_count_while_the_agent_speaks_or_thinks() -> None:
    brain = ScriptedBrain([7.0, Say(LONG), 6.0, Say(" and more.")])
    async with a_talk(
        ears=ScriptedEars("hello"), brain=brain, silence_seconds=3.0, silence_prompt="Hello?"
    ) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=15_000)
        assert "Hello?" not in talk.heard_words()


@virtual_time
async def test_what_was_not_understood_is_asked_for_again() -> None:
    async with a_talk(ears=ScriptedEars("", "yes"), reprompt="Pardon?") as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=1500)
        assert talk.heard_words() == "Pardon?"
        await talk.person.speak(600, then_quiet=1500)
        assert talk.heard_words() == "Pardon? Yes."


@virtual_time
async def test_a_noise_without_words_is_not_asked_about() -> None:
    async with a_talk(ears=ScriptedEars(""), reprompt="Pardon?") as talk:
        await talk.until(500)
        await talk.person.speak(160, then_quiet=3000)
        assert talk.heard_words() == ""


@virtual_time
async def test_a_caller_who_is_never_understood_is_handed_on() -> None:
    async with a_talk(reprompt="Pardon?", silence_limit=2, fallback="person") as talk:
        await talk.until(500)
        for _ in range(3):
            await talk.person.speak(600, then_quiet=1500)
        assert await talk.end() == TalkEnd("silent", "person")
        assert talk.heard_words() == "Pardon? Pardon?"


@virtual_time
async def test_an_agent_taken_aside_keeps_quiet_and_does_not_count() -> None:
    async with a_talk(silence_seconds=5.0, silence_prompt="Still there?") as talk:
        await talk.until(3000)
        async with talk.call.session.aside():
            await talk.person.speak(1000, then_quiet=60_000)
        assert talk.heard_words() == ""
        assert talk.brain.saw == []
        await talk.until(64_000 + 1500)
        assert talk.heard_words() == ""
        await talk.until(64_000 + 6000)
        assert talk.heard_words() == "Still there?"


@virtual_time
async def test_keys_pressed_while_the_agent_is_aside_are_not_its_own() -> None:
    async with a_talk() as talk:
        await talk.until(1000)
        async with talk.call.session.aside():
            await talk.until(1500)
            talk.person.press("9")
            await talk.until(1600)
            assert talk.call.session.keys.take() == "9"
        await talk.until(4000)
        assert typed(talk) == []


@virtual_time
async def test_an_agent_taken_aside_in_mid_word_goes_on_when_it_is_back() -> None:
    async with a_talk(greeting=LONG, ears=ScriptedEars(Line(""))) as talk:
        await talk.until(1000)
        talk.person.talk(2000)
        await talk.until(1100)
        async with talk.call.session.aside():
            await talk.until(5000)
        await talk.until(10_000)
        heard = b"".join(f.pcm for f in talk.person.heard if any(f.pcm))
        assert talk.mouth.text_in(heard) == LONG


@virtual_time
async def test_prompts_escalate_and_come_sooner_each_time() -> None:
    async with a_talk(
        silence_seconds=[8, 4], silence_limit=3, silence_prompt=["Hello?", "Anybody?"]
    ) as talk:
        assert await talk.end() == TalkEnd("silent")
        assert talk.heard_words() == "Hello? Anybody? Anybody?"
        asked = [event.t for event in talk.call.all(SpeechStarted) if event.speaker == "agent"]
        assert [round(after - before, -3) for before, after in pairwise(asked)] == [4000, 4000]
        assert 8000 <= asked[0] <= 8100


@virtual_time
async def test_a_caller_who_asks_for_a_moment_gets_one() -> None:
    async with a_talk(
        ears=ScriptedEars("one moment please"), silence_seconds=5, silence_prompt="Hello?",
        hold_on_seconds=40,
    ) as talk:  # fmt: skip
        await talk.until(500)
        await talk.person.speak(600)
        await talk.until(40_000)
        assert talk.heard_words() == "Yes."
        await talk.until(48_000)
        assert talk.heard_words() == "Yes. Hello? Hello?"


@virtual_time
async def test_a_moment_is_asked_for_in_the_language_that_is_spoken() -> None:
    brain = ScriptedBrain()
    brain.expectation = Expectation(language="de-DE")
    async with a_talk(
        ears=ScriptedEars("Moment bitte"), brain=brain, silence_seconds=5, silence_prompt="Hallo?"
    ) as talk:
        await talk.until(500)
        await talk.person.speak(600)
        await talk.until(40_000)
        assert talk.heard_words() == "Yes."
