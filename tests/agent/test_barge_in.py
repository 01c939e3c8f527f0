"""The caller may always speak, and a cough costs nothing."""

import pytest

from sipagent.agent.lexicon.known import lexicon
from sipagent.agent.protocols import Say
from sipagent.events import BargeIn, Said, SpeechEnded, TurnEnded
from sipagent.testing.fakes import Line, Partial, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time

COUNT = "one two three four five six seven eight nine ten eleven twelve"


def decisions(talk: FakeTalk) -> list[str]:
    return [event.decision for event in talk.call.all(BargeIn)]


@virtual_time
async def test_the_agent_is_silent_at_once_when_the_caller_speaks() -> None:
    async with a_talk(greeting=COUNT) as talk:
        await talk.until(600)
        onset = talk.call.bridge.clock.t
        await talk.person.speak(1000)
        loud = [f.t for f in talk.person.heard if f.t >= onset and any(f.pcm)]
        assert max(loud) - onset <= 60


@virtual_time
async def test_only_what_was_heard_is_remembered() -> None:
    ears = ScriptedEars("stop please")
    async with a_talk(greeting=COUNT, ears=ears) as talk:
        await talk.until(600)
        await talk.person.speak(1000, then_quiet=2000)
        heard = talk.heard_words().removesuffix(" Yes.")
        words = talk.mouth.words_in(talk.person.heard_pcm(end=1600))
        whole = [word for word, ms in words if ms == 100]
        assert words[-1][1] < 100 and heard.endswith(words[-1][0])
        assert whole == COUNT.split()[: len(whole)] and 3 <= len(whole) < 12
        assert decisions(talk) == ["paused", "stopped"]
        first = talk.brain.saw[0][0]
        assert (first.role, first.text, first.interrupted) == ("agent", " ".join(whole), True)
        said = next(e for e in talk.call.all(Said) if e.speaker == "agent")
        assert said.interrupted and f"{said.text} {said.unheard}" == COUNT
        assert said.text == " ".join(whole)


@virtual_time
async def test_words_stop_the_agent_before_half_a_second() -> None:
    ears = ScriptedEars(Line("no not that", partials=(Partial(200, "no"),)))
    async with a_talk(greeting=COUNT, ears=ears) as talk:
        await talk.until(600)
        await talk.person.speak(800, then_quiet=1000)
        paused, stopped = talk.call.all(BargeIn)
        assert stopped.t - paused.t <= 200
        assert (stopped.evidence, stopped.words) == ("words", "no")
        assert paused.played_ms == stopped.played_ms > 0


@virtual_time
async def test_after_a_cough_the_agent_goes_on_from_the_exact_frame() -> None:
    async with a_talk(greeting=COUNT, ears=ScriptedEars("")) as talk:
        await talk.until(600)
        await talk.person.speak(160, then_quiet=3000)
        assert decisions(talk) == ["paused", "resumed"]
        heard = b"".join(f.pcm for f in talk.person.heard if any(f.pcm))
        assert talk.mouth.words_in(heard) == [(word, 100.0) for word in COUNT.split()]
        assert talk.said == [("agent", COUNT)]
        assert not talk.conversation.messages[0].interrupted
        assert talk.brain.saw == []


@virtual_time
async def test_the_agent_goes_on_after_a_sign_of_listening() -> None:
    ears = ScriptedEars(Line("mm-hmm", partials=(Partial(120, "mm-hmm"),)))
    async with a_talk(greeting=COUNT, ears=ears) as talk:
        await talk.until(300)
        await talk.person.speak(240, then_quiet=3000)
        assert decisions(talk) == ["paused", "resumed"]
        assert talk.call.all(BargeIn)[1].words == "mm-hmm"
        heard = b"".join(f.pcm for f in talk.person.heard if any(f.pcm))
        assert talk.mouth.words_in(heard) == [(word, 100.0) for word in COUNT.split()]
        assert talk.brain.saw == []


@virtual_time
async def test_a_short_word_understood_late_still_stops_the_agent() -> None:
    long = " ".join(f"word{n}" for n in range(40))
    async with a_talk(greeting=long, ears=ScriptedEars("stop")) as talk:
        await talk.until(500)
        await talk.person.speak(240, then_quiet=2000)
        assert decisions(talk) == ["paused", "resumed", "stopped"]
        assert talk.brain.saw[0][-1].text == "stop"
        assert talk.said[-1] == ("agent", "Yes.")


@virtual_time
async def test_yes_at_the_very_end_of_a_question_is_an_answer() -> None:
    question = "shall I book it for you now"
    ears = ScriptedEars(Line("yes", partials=(Partial(100, "yes"),)))
    async with a_talk(greeting=question, ears=ears) as talk:
        await talk.until(580)
        await talk.person.speak(240, then_quiet=2000)
        assert talk.brain.saw[0][-1].text == "yes"
        heard = b"".join(f.pcm for f in talk.person.heard if any(f.pcm))
        assert talk.mouth.text_in(heard) == f"{question} Yes."


@virtual_time
async def test_an_interrupted_reply_is_cancelled_and_the_next_one_knows_what_was_heard() -> None:
    ears = ScriptedEars("tell me", "something else")
    brain = ScriptedBrain([Say("one two three four five. Six seven."), 30.0, Say("never said")])
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=900)
        await talk.person.speak(800, then_quiet=2000)
        assert brain.cancelled == 1
        history = [(m.role, m.text) for m in brain.saw[1]]
        assert history == [
            ("caller", "tell me"),
            ("agent", "one two three four"),
            ("caller", "something else"),
        ]
        assert "never" not in talk.heard_words()


@virtual_time
async def test_speech_while_the_agent_thinks_belongs_to_the_turn() -> None:
    ears = ScriptedEars("I want to", "go home")
    brain = ScriptedBrain([2.0, Say("too early")], "Safe journey.")
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=900)
        await talk.person.speak(700, then_quiet=3000)
        assert talk.heard_words() == "Safe journey."
        assert [m.text for m in brain.saw[1]] == ["I want to", "go home"]
        assert talk.call.all(BargeIn) == []


@virtual_time
async def test_a_cough_while_the_agent_thinks_does_not_cancel_the_answer() -> None:
    brain = ScriptedBrain([1.0, Say("Here it is.")])
    async with a_talk(ears=ScriptedEars("tell me", ""), brain=brain) as talk:
        await talk.until(100)
        await talk.person.speak(400, then_quiet=900)
        await talk.person.speak(160, then_quiet=3000)
        assert talk.heard_words() == "Here it is."
        assert brain.cancelled == 0


@virtual_time
async def test_a_second_onset_in_the_same_breath_pauses_again() -> None:
    ears = ScriptedEars("but wait")
    async with a_talk(greeting=" ".join(f"w{n}" for n in range(40)), ears=ears) as talk:
        await talk.until(600)
        await talk.person.speak(160, then_quiet=320)
        await talk.person.speak(700, then_quiet=1000)
        assert decisions(talk) == ["paused", "resumed", "paused", "stopped"]
        assert len(ears.heard) == 1


@virtual_time
async def test_an_agent_told_not_to_give_way_speaks_on_and_answers_afterwards() -> None:
    ears = ScriptedEars("hello hello")
    async with a_talk(greeting=COUNT, ears=ears, barge_in={"enabled": False}) as talk:
        await talk.until(400)
        await talk.person.speak(600, then_quiet=2000)
        assert talk.heard_words() == f"{COUNT} Yes."
        assert talk.call.all(BargeIn) == []


@virtual_time
async def test_the_end_of_speech_is_where_it_was_cut() -> None:
    async with a_talk(greeting=COUNT, ears=ScriptedEars("stop")) as talk:
        await talk.until(600)
        await talk.person.speak(800, then_quiet=200)
        end = next(e.t for e in talk.call.all(SpeechEnded) if e.speaker == "agent")
        last = max(f.t for f in talk.person.heard if any(f.pcm))
        assert end - last in (0, 20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mm-hmm.", True),
        ("yeah, okay", True),
        ("I see", True),
        ("yes please stop", False),
        ("", False),
        ("no", False),
    ],
)
def test_signs_of_listening_are_told_from_words(text: str, expected: bool) -> None:
    assert lexicon("").is_backchannel(text) is expected


@virtual_time
async def test_a_greeting_that_must_be_heard_is_and_the_caller_is_answered_afterwards() -> None:
    ears = ScriptedEars(Line("hello hello", partials=(Partial(200, "hello"),)))
    async with a_talk(greeting=COUNT, greeting_interruptible=False, ears=ears) as talk:
        await talk.until(400)
        await talk.person.speak(600, then_quiet=2000)
        assert talk.heard_words() == f"{COUNT} Yes."
        assert talk.call.all(BargeIn) == []
        assert talk.brain.saw[0][-1].text == "hello hello"


@virtual_time
async def test_a_key_under_a_greeting_that_must_be_heard_waits_for_its_end() -> None:
    async with a_talk(greeting=COUNT, greeting_interruptible=False) as talk:
        await talk.until(400)
        talk.person.press("1#")
        await talk.until(4000)
        assert talk.heard_words() == f"{COUNT} Yes."
        assert talk.brain.saw[0][-1].digits == "1"


@virtual_time
async def test_what_follows_a_greeting_that_must_be_heard_can_be_interrupted() -> None:
    ears = ScriptedEars("hello", Line("stop", partials=(Partial(100, "stop"),)))
    brain = ScriptedBrain(COUNT)
    async with a_talk(
        greeting="Welcome.", greeting_interruptible=False, ears=ears, brain=brain
    ) as talk:
        await talk.until(600)
        await talk.person.speak(400, then_quiet=900)
        await talk.person.speak(400, then_quiet=900)
        assert decisions(talk) == ["paused", "stopped"]


@virtual_time
async def test_where_only_keys_interrupt_the_voice_does_not() -> None:
    ears = ScriptedEars(Line("hello", partials=(Partial(200, "hello"),)))
    async with a_talk(greeting=COUNT, ears=ears, barge_in={"keys_only": True}) as talk:
        await talk.until(200)
        await talk.person.speak(300)
        talk.person.press("1#")
        await talk.until(3000)
        [stopped] = talk.call.all(BargeIn)
        assert (stopped.decision, stopped.evidence) == ("stopped", "key")


@virtual_time
async def test_every_decision_is_on_record_with_what_was_measured() -> None:
    async with a_talk(greeting=COUNT) as talk:
        await talk.until(600)
        await talk.person.speak(800, then_quiet=500)
        paused, stopped = talk.call.all(BargeIn)
        assert paused.onset == stopped.onset == 600
        assert (stopped.voiced_ms, stopped.spoken_ms, stopped.probability) == (500, 500, 1.0)
        assert stopped.level_db is not None and -20 < stopped.level_db < -10
        assert stopped.echo is None or stopped.echo < 0.5


@virtual_time
async def test_the_end_of_a_turn_is_on_record_with_its_reason_and_without_words_in_it() -> None:
    line = Line("my secret is", partials=(Partial(200, "my secret is"),))
    async with a_talk(ears=ScriptedEars(line)) as talk:
        await talk.until(500)
        await talk.person.speak(400, then_quiet=2000)
        [ended] = talk.call.all(TurnEnded)
        assert (ended.turn, ended.reason, ended.rule) == (1, "patient", "unfinished")
        assert (ended.silence_ms, ended.voiced_ms) == (900, 400)
        assert (ended.words, ended.evidence) == (
            "my secret is",
            "ends in a word that needs another",
        )
