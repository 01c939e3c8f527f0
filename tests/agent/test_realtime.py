"""A talk with a model that hears and speaks by itself, on virtual time."""

from dataclasses import replace

from sipagent.agent.failover import only
from sipagent.agent.protocols import ToolCall
from sipagent.agent.realtime.answer import LONGEST_SECONDS, Answer
from sipagent.call.control import CallControl
from sipagent.events import BargeIn, ProviderFailed, Said
from sipagent.testing.organs import BeepMouth, Line, ScriptedBrain, ScriptedEars
from sipagent.testing.speech_model import ABLE, SpeechScript
from sipagent.testing.talk import Others, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec


@virtual_time
async def test_the_model_reads_what_stands_in_the_plan_and_learns_that_it_was_said() -> None:
    script = SpeechScript(heard=["when are you open"], answers=["Nine to five."])
    talking = a_talk(
        speaking=script.brain(),
        mouth=script.mouth,
        greeting="Good morning.",
        silence_seconds=4,
        silence_prompt="Anything else?",
    )
    async with talking as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=7000)
        assert talk.said == [
            ("agent", "Good morning."),
            ("caller", "when are you open"),
            ("agent", "Nine to five."),
            ("agent", "Anything else?"),
        ]
        assert talk.heard_words() == "Good morning. Nine to five. Anything else?"
        assert talk.mouth.sentences == []  # the agent's own voice was not needed
        talk.person.press("1")
        await talk.until(12_000)
        (model,) = script.models
        assert model.told == [
            ("say", "Good morning."),
            ("write", "agent", "Good morning."),
            ("commit", "sound-2"),
            ("respond",),
            ("say", "Anything else?"),
            ("write", "agent", "Anything else?"),
            ("write", "caller", "[keys pressed: 1]"),
            ("respond",),
        ]
        # the caller's voice and a little before and after it, not the silence
        assert 800 <= model.heard_ms <= 800 + 300 + 500 + 40


@virtual_time
async def test_a_model_that_cannot_be_reached_is_made_up_for_by_the_agents_own_voice() -> None:
    script = SpeechScript(refused=1000)
    talking = a_talk(
        ears=ScriptedEars("hello", "hello"),
        speaking=script.brain(),
        greeting="Good morning.",
        apology="Sorry.",
        fallback="closed",
    )
    async with talking as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=3000)
        assert talk.heard_words() == "Good morning. Sorry."
        await talk.person.speak(800, then_quiet=1000)
        end = await talk.end()
        assert (end.reason, end.section) == ("failed", "closed")
        minds = [e.then for e in talk.call.all(ProviderFailed) if e.role == "mind"]
        assert minds == ["retry", "apology", "retry", "fallback"]
        assert {e.cause for e in talk.call.all(ProviderFailed)} == {"503 from somewhere"}


@virtual_time
async def test_the_next_mind_of_a_list_goes_on_with_ears_and_mouth_of_the_agent() -> None:
    script = SpeechScript(refused=1000)
    brain = ScriptedBrain("Nine to five.")
    others = Others(brain=only(brain, "text"))
    ears = ScriptedEars("when are you open")
    async with a_talk(ears=ears, speaking=script.brain(), others=others) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=3000)
        assert talk.said == [("caller", "when are you open"), ("agent", "Nine to five.")]
        assert talk.heard_words() == "Nine to five."


@virtual_time
async def test_a_question_that_the_lost_session_took_with_it_is_heard_by_the_next() -> None:
    script = SpeechScript(heard=["one", "two", "two"], answers=["First.", None, "Second."])
    async with a_talk(speaking=script.brain(), mouth=script.mouth, prompt="Hello") as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1500)
        await talk.person.speak(800, then_quiet=1000)
        script.models[0].lose()
        await talk.until(8000)
        assert talk.said[-1] == ("agent", "Second.")
        assert script.models[1].told == [
            ("write", "caller", "one"),
            ("write", "agent", "First."),
            ("commit", "sound-3"),
            ("respond",),
        ]
        causes = [(e.cause, e.then) for e in talk.call.all(ProviderFailed)]
        assert causes == [("the connection broke", "retry")]


@virtual_time
async def test_a_session_that_falls_silent_is_given_up_for_another() -> None:
    script = SpeechScript(heard=["one", "one"], answers=[None, "Here I am."])
    async with a_talk(speaking=script.brain(), mouth=script.mouth) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=7000)
        assert talk.said == [("caller", "one"), ("agent", "Here I am.")]
        causes = [(e.cause, e.then) for e in talk.call.all(ProviderFailed)]
        assert causes == [("the model said nothing for 5 s", "retry")]
        assert len(script.models) == 2


@virtual_time
async def test_a_cough_over_its_answer_is_taken_back_and_the_answer_goes_on() -> None:
    answer = "one two three four five six seven eight nine ten eleven twelve"
    script = SpeechScript(answers=[answer], heard=["count please", "", "thank you"])
    async with a_talk(speaking=script.brain(), mouth=script.mouth) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=700)
        await talk.person.speak(200, then_quiet=3000)
        assert [e.decision for e in talk.call.all(BargeIn)] == ["paused", "resumed"]
        heard = b"".join(frame.pcm for frame in talk.person.heard if any(frame.pcm))
        assert heard == script.mouth.sound(answer)
        await talk.person.speak(800, then_quiet=1500)
        (model,) = script.models
        assert model.told == [
            ("commit", "sound-1"),
            ("respond",),
            ("commit", "sound-3"),
            ("drop", "sound-3"),
            ("commit", "sound-4"),
            ("respond",),
        ]


@virtual_time
async def test_words_over_a_greeting_stand_behind_as_much_of_it_as_was_heard() -> None:
    script = SpeechScript(heard=["transfer me please"])
    greeting = "one two three four five six seven eight nine ten eleven twelve."
    talking = a_talk(speaking=script.brain(), mouth=script.mouth, greeting=greeting)
    async with talking as talk:
        await talk.until(600)
        await talk.person.speak(800, then_quiet=1500)
        said = next(e for e in talk.call.all(Said) if e.interrupted)
        (model,) = script.models
        assert model.told[-3:] == [
            ("write", "agent", said.text),
            ("commit", "sound-2"),
            ("respond",),
        ]
        assert greeting.startswith(said.text)


@virtual_time
async def test_other_ears_tell_a_yes_from_a_no_where_the_model_does_not() -> None:
    traits = replace(ABLE, early=False, says=False, truncates=False, rigid=True)
    script = SpeechScript(traits=traits, answers=[ToolCall("c1", "ask", {})])
    asked: list[bool] = []

    async def ask(arguments: object, control: object) -> ToolResult:
        assert isinstance(control, CallControl) and control.presence is not None
        asked.append(await control.presence.confirm("Shall I?"))
        return ToolResult("it is done")

    tool = ToolSpec("ask", "Asks.", {"type": "object"}, ask)
    ears = ScriptedEars(Line("yes please"))
    async with a_talk(ears=ears, speaking=script.brain(), tools=[tool]) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1500)
        assert talk.heard_words() == "Shall I?"
        await talk.person.speak(800, then_quiet=2000)
        assert asked == [True]
        (model,) = script.models
        assert model.told[-2:] == [("result", "c1", "it is done"), ("respond",)]


async def test_babble_is_given_up() -> None:
    answer = Answer("a", 8000, lambda played_ms: None)
    second = BeepMouth(ms_per_word=1000).sound("word")
    assert all(answer.voice(second) for _ in range(LONGEST_SECONDS))
    assert not answer.voice(second)
