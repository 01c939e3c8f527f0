"""A mind that hears and speaks for itself, under the same rules as one of three parts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.agent.protocols import Spoken, ToolCall
from sipagent.call.control import CallControl
from sipagent.errors import ProviderError
from sipagent.events import BargeIn, Said
from sipagent.media.frames import frame_bytes
from sipagent.testing.organs import BeepMouth, Line, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound whose words come `after` seconds."""

    name: str
    text: str
    after: float = 0.0

    async def words(self, *, early: bool = False) -> str:
        await asyncio.sleep(self.after)
        if self.text == "?":
            raise ProviderError("model", "it does not write down what it hears")
        return self.text


def pcm(ms: int) -> bytes:
    return BeepMouth(ms_per_word=ms).sound("word")


async def looked(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    return ToolResult("it is there")


def spoken(text: str, ms: int, cuts: list[int] | None = None) -> Spoken:
    return Spoken("r1", pcm(ms), text, on_cut=(cuts if cuts is not None else []).append)


@virtual_time
async def test_the_answer_does_not_wait_for_the_words_of_the_question() -> None:
    ears = ScriptedEars(Line("", sound=Heard("u1", "when are you open", after=2)))
    brain = ScriptedBrain([spoken("Nine to five.", 300)])
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1200)
        assert talk.said == [("agent", "Nine to five.")]
        assert [m.sounds for m in brain.saw[0]] == [("u1",)]
        await talk.until(6000)
        assert talk.said[1] == ("caller", "when are you open")
        said = talk.call.all(Said)[1]
        assert (said.start, said.end) == (1000, 1800)
        history = [(m.role, m.text, m.sounds) for m in talk.conversation.messages]
        assert history == [
            ("caller", "when are you open", ("u1",)),
            ("agent", "Nine to five.", ("r1",)),
        ]


@virtual_time
async def test_what_was_played_of_it_is_told_to_the_frame_when_the_caller_stops_it() -> None:
    cuts: list[int] = []
    long = "one two three four five six seven eight nine ten"
    brain = ScriptedBrain([spoken(long, 5000, cuts)], [spoken("Go on.", 200, cuts)])
    ears = ScriptedEars(
        Line("", sound=Heard("u1", "count")), Line("", sound=Heard("u2", "stop please"))
    )
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1700)
        await talk.person.speak(1000, then_quiet=2000)
        stopped = next(e for e in talk.call.all(BargeIn) if e.decision == "stopped")
        heard = sum(len(f.pcm) for f in talk.person.heard if any(f.pcm)) // frame_bytes(8000) * 20
        assert cuts == [stopped.played_ms] == [heard - 200]
        said = next(e for e in talk.call.all(Said) if e.interrupted)
        assert said.text == " ".join(long.split()[: cuts[0] // 500])
        assert f"{said.text} {said.unheard}" == long
        agent = [m for m in talk.conversation.messages if m.role == "agent"]
        assert [(m.text, m.sounds, m.interrupted) for m in agent] == [
            (said.text, ("r1",), True),
            ("Go on.", ("r1",), False),
        ]


@virtual_time
async def test_a_sign_of_listening_is_kept_from_it_and_nothing_is_lost() -> None:
    brain = ScriptedBrain([spoken("a long answer", 4000)])
    ears = ScriptedEars(
        Line("", sound=Heard("u1", "count")), Line("", sound=Heard("u2", "mm hmm", after=0.5))
    )
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1700)
        await talk.person.speak(300, then_quiet=5000)
        assert [e.decision for e in talk.call.all(BargeIn)] == ["paused", "resumed"]
        assert len(brain.saw) == 1
        heard = b"".join(f.pcm for f in talk.person.heard if any(f.pcm))
        assert heard == pcm(4000)
        assert [m.sounds for m in talk.conversation.messages] == [("u1",), ("r1",)]


@virtual_time
async def test_short_words_that_came_late_stop_it_after_all() -> None:
    brain = ScriptedBrain([spoken("a long answer", 8000)], [spoken("All right.", 200)])
    ears = ScriptedEars(
        Line("", sound=Heard("u1", "count")), Line("", sound=Heard("u2", "stop", after=0.5))
    )
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1700)
        await talk.person.speak(300, then_quiet=3000)
        decisions = [e.decision for e in talk.call.all(BargeIn)]
        assert decisions == ["paused", "resumed", "stopped"]
        assert [m.sounds for m in brain.saw[1]] == [("u1",), ("r1",), ("u2",)]


@virtual_time
async def test_a_question_is_answered_though_nobody_ever_writes_it_down() -> None:
    ears = ScriptedEars(Line("", sound=Heard("u1", "?")))
    brain = ScriptedBrain([spoken("Nine to five.", 300)])
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(200, then_quiet=2000)
        assert talk.said == [("agent", "Nine to five.")]


@virtual_time
async def test_a_tool_is_called_between_two_things_it_says() -> None:
    brain = ScriptedBrain(
        [spoken("One moment.", 300), ToolCall("c1", "look", {})], [spoken("Done.", 200)]
    )
    ears = ScriptedEars(Line("", sound=Heard("u1", "do it")))
    look = ToolSpec("look", "Looks.", {"type": "object"}, looked)
    async with a_talk(ears=ears, brain=brain, tools=[look]) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=3000)
        assert [m.role for m in brain.saw[1]] == ["caller", "agent", "tool"]
        assert brain.saw[1][1].requests[0].name == "look"
        assert talk.said[-2:] == [("agent", "One moment."), ("agent", "Done.")]
