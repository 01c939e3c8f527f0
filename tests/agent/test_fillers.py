"""Nobody waits in silence: fillers while the mind or a tool takes its time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sipagent.agent.protocols import Say, ToolCall
from sipagent.call.control import CallControl
from sipagent.events import Said
from sipagent.testing.organs import BeepMouth, Line, Partial, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec

FILLERS = {
    "thinking": ["Let me see."],
    "tools": {"default": ["One moment.", "Still looking."], "lookup": ["I look it up."]},
}


def slow_tool(name: str = "lookup", seconds: float = 3.0, timeout: float | None = 60.0) -> ToolSpec:
    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        await asyncio.sleep(seconds)
        return ToolResult("found")

    return ToolSpec(name, "takes its time", {"type": "object"}, invoke, timeout)


def uses(name: str) -> list[ToolCall]:
    return [ToolCall("1", name, {})]


def spoken(talk: FakeTalk) -> list[str]:
    return [event.text for event in talk.call.all(Said) if event.speaker == "agent"]


async def ask(talk: FakeTalk, wait: int) -> None:
    """Speak for half a second, and be quiet for `wait` ms."""
    await talk.until(500)
    await talk.person.speak(500, then_quiet=wait)


@virtual_time
async def test_a_slow_mind_is_bridged_and_the_answer_follows() -> None:
    brain = ScriptedBrain([3.0, Say("Nine to five.")])
    async with a_talk(ears=ScriptedEars("when"), brain=brain, fillers=FILLERS) as talk:
        await ask(talk, 6000)
        assert spoken(talk) == ["Let me see.", "Nine to five."]
        filler = talk.call.all(Said)[1]
        # half a second to the end of the turn, and filler_after_ms
        assert 2650 <= filler.start <= 2800
        # it is no part of what the mind remembers
        assert [m.text for m in talk.conversation.messages] == ["when", "Nine to five."]


@virtual_time
async def test_a_quick_answer_needs_no_filler() -> None:
    brain = ScriptedBrain([1.0, Say("Nine to five.")])
    async with a_talk(ears=ScriptedEars("when"), brain=brain, fillers=FILLERS) as talk:
        await ask(talk, 4000)
        assert spoken(talk) == ["Nine to five."]


@virtual_time
async def test_an_agent_without_fillers_is_silent_while_it_thinks() -> None:
    brain = ScriptedBrain([5.0, Say("Nine to five.")])
    async with a_talk(ears=ScriptedEars("when"), brain=brain) as talk:
        await ask(talk, 8000)
        assert spoken(talk) == ["Nine to five."]


@virtual_time
async def test_a_tool_has_its_own_filler_and_others_the_default() -> None:
    for name, filler in (("lookup", "I look it up."), ("other", "One moment.")):
        brain = ScriptedBrain(uses(name), "Here it is.")
        ears = ScriptedEars("find it")
        async with a_talk(ears=ears, brain=brain, fillers=FILLERS, tools=[slow_tool(name)]) as talk:
            await ask(talk, 6000)
            assert spoken(talk) == [filler, "Here it is."]


@virtual_time
async def test_a_tool_that_talks_with_people_is_not_talked_over() -> None:
    brain = ScriptedBrain(uses("secure"), "Thank you.")
    tool = slow_tool("secure", timeout=None)
    ears = ScriptedEars("pay")
    async with a_talk(ears=ears, brain=brain, fillers=FILLERS, tools=[tool]) as talk:
        await ask(talk, 6000)
        assert spoken(talk) == ["Thank you."]


@virtual_time
async def test_a_long_wait_is_filled_again_with_other_words_and_never_the_same() -> None:
    brain = ScriptedBrain(uses("other"), "Here it is.")
    tool = slow_tool("other", seconds=30.0)
    ears = ScriptedEars("find it")
    async with a_talk(ears=ears, brain=brain, fillers=FILLERS, tools=[tool]) as talk:
        await ask(talk, 35_000)
        assert spoken(talk) == ["One moment.", "Still looking.", "Here it is."]


@virtual_time
async def test_the_next_wait_begins_with_other_words_than_the_last_one_ended() -> None:
    brain = ScriptedBrain(uses("other"), "First.", uses("other"), "Second.")
    ears = ScriptedEars("find it", "and that")
    async with a_talk(ears=ears, brain=brain, fillers=FILLERS, tools=[slow_tool("other")]) as talk:
        await ask(talk, 6000)
        await talk.person.speak(500, then_quiet=6000)
        assert spoken(talk) == ["One moment.", "First.", "Still looking.", "Second."]


@virtual_time
async def test_the_sentence_that_was_begun_is_finished_before_the_answer() -> None:
    brain = ScriptedBrain([1.5, Say("Nine to five.")])
    mouth = BeepMouth(ms_per_word=300)
    thinking = {"thinking": ["Let me see about that now. And this is never said."]}
    async with a_talk(
        ears=ScriptedEars("when"), brain=brain, mouth=mouth, fillers=thinking
    ) as talk:
        await ask(talk, 8000)
        assert spoken(talk)[0].startswith("Let me see about that now.")
        assert spoken(talk)[-1] == "Nine to five."
        assert talk.heard_words().startswith("Let me see about that now.")
        assert not any(event.interrupted for event in talk.call.all(Said))


@virtual_time
async def test_a_filler_that_is_not_yet_made_gives_way_to_the_answer() -> None:
    brain = ScriptedBrain([1.5, Say("Nine to five.")])
    # the vendor takes a second for the filler: by then the answer is there
    mouth = BeepMouth(faults=[1.0])
    async with a_talk(ears=ScriptedEars("when"), brain=brain, mouth=mouth, fillers=FILLERS) as talk:
        await ask(talk, 6000)
        assert spoken(talk) == ["Nine to five."]
        assert talk.heard_words() == "Nine to five."


@virtual_time
async def test_nothing_is_filled_in_while_the_caller_speaks() -> None:
    tool = slow_tool("other", seconds=4.0)
    brain = ScriptedBrain(uses("other"), "Here it is.", "Yes.")
    ears = ScriptedEars("find it", "are you there", "hello")
    async with a_talk(ears=ears, brain=brain, fillers=FILLERS, tools=[tool]) as talk:
        await ask(talk, 700)
        await talk.person.speak(2500, then_quiet=6000)
        first = next(e for e in talk.call.all(Said) if e.speaker == "agent")
        assert first.start >= 4200


@virtual_time
async def test_fillers_are_those_of_the_language_that_is_spoken() -> None:
    languages = [
        {"name": "English", "code": "en-GB"},
        {"name": "Español", "code": "es-ES", "fillers": "Un momento."},
    ]
    change = [ToolCall("1", "change_language", {"language": "Español"})]
    brain = ScriptedBrain(change, [3.0, Say("Son las nueve.")])
    ears = ScriptedEars("que hora es")
    async with a_talk(ears=ears, brain=brain, fillers=FILLERS, languages=languages) as talk:
        await ask(talk, 6000)
        assert spoken(talk) == ["Un momento.", "Son las nueve."]


@virtual_time
async def test_a_caller_who_speaks_over_a_filler_is_heard_and_answered_anew() -> None:
    brain = ScriptedBrain([20.0, Say("Never said.")], "Right away.")
    ears = ScriptedEars("when", Line("no wait", partials=(Partial(200, "no wait"),)))
    mouth = BeepMouth(ms_per_word=400)
    async with a_talk(ears=ears, brain=brain, mouth=mouth, fillers=FILLERS) as talk:
        await ask(talk, 1900)
        assert talk.port.played
        await talk.person.speak(600, then_quiet=3000)
        said = [event for event in talk.call.all(Said) if event.speaker == "agent"]
        assert said[0].unheard
        assert said[-1].text == "Right away."
        texts = [m.text for m in talk.conversation.messages]
        assert texts == ["when", "no wait", "Right away."]


@virtual_time
async def test_a_cough_over_a_filler_lets_it_go_on() -> None:
    brain = ScriptedBrain([4.0, Say("Nine to five.")])
    mouth = BeepMouth(ms_per_word=400)
    async with a_talk(
        ears=ScriptedEars("when", ""), brain=brain, mouth=mouth, fillers=FILLERS
    ) as talk:
        await ask(talk, 1900)
        await talk.person.speak(160, then_quiet=8000)
        assert spoken(talk) == ["Let me see.", "Nine to five."]
        assert talk.heard_words().endswith("Let me see. Nine to five.")
