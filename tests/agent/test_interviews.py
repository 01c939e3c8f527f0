"""A tool that runs wants to know more, and the caller is asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sipagent.agent.protocols import ToolCall
from sipagent.call.control import CallControl
from sipagent.call.interview import Answers, Field, Interviewer
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec

SIZE = Field("size", "Which size: small or large?", "choice", ("small", "large"))
COUNT = Field("count", "How many?", "number")
CALL = [ToolCall("1", "order", {})]


class Shop:
    """A tool that asks before it answers."""

    def __init__(self, *fields: Field) -> None:
        self.fields: Sequence[Field] = fields
        self.answers: Answers | None = None

    async def _order(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        agent: object = control.presence
        assert isinstance(agent, Interviewer)
        self.answers = await agent.interview("The shop asks:", self.fields)
        return ToolResult(self.answers.action)

    @property
    def tool(self) -> ToolSpec:
        return ToolSpec("order", "Order.", {"type": "object"}, self._order, 300.0)


async def ordering(talk: FakeTalk, answers: int) -> None:
    await talk.until(100)
    await talk.person.speak(400, then_quiet=6000)
    for _ in range(answers):
        await talk.person.speak(400, then_quiet=6000)


@virtual_time
async def test_the_caller_is_asked_for_one_thing_after_another() -> None:
    shop = Shop(SIZE, COUNT)
    ears = ScriptedEars("I want a hat", "the large one", "no idea", "three please")
    async with a_talk(
        ears=ears, brain=ScriptedBrain(CALL, "Done."), tools=[shop.tool], silence_seconds=10
    ) as talk:
        await ordering(talk, 3)
        assert shop.answers == Answers("accept", {"size": "large", "count": 3})
        heard = talk.heard_words()
        assert heard.count("The shop asks:") == 1
        assert heard.index("Which size") < heard.index("How many?")
        assert "I need a number." in heard
        assert talk.said[-1] == ("agent", "Done.")


@pytest.mark.parametrize(
    ("said", "action"), [("never mind", "decline"), ("cancel", "decline"), ("", "cancel")]
)
def test_a_caller_who_will_not_answer_is_not_pressed(said: str, action: str) -> None:
    @virtual_time
    async def run() -> None:
        shop = Shop(COUNT)
        ears = ScriptedEars("I want a hat", said)
        async with a_talk(
            ears=ears, brain=ScriptedBrain(CALL, "As you like."), tools=[shop.tool]
        ) as talk:
            await ordering(talk, 1 if said else 0)
            await talk.until(20_000)
            assert shop.answers == Answers(action)  # type: ignore[arg-type]
            assert ("agent", "As you like.") in talk.said

    run()


@virtual_time
async def test_a_number_may_be_typed() -> None:
    shop = Shop(COUNT)
    async with a_talk(
        ears=ScriptedEars("I want a hat"), brain=ScriptedBrain(CALL, "Done."), tools=[shop.tool]
    ) as talk:
        await ordering(talk, 0)
        talk.person.press("12")
        await talk.until(14_000)
        assert shop.answers == Answers("accept", {"count": 12})


@virtual_time
async def test_without_fields_only_a_yes_is_asked_for() -> None:
    shop = Shop()
    async with a_talk(
        ears=ScriptedEars("I want a hat", "yes please"),
        brain=ScriptedBrain(CALL, "Done."),
        tools=[shop.tool],
    ) as talk:
        await ordering(talk, 1)
        assert shop.answers == Answers("accept")
        assert "Is that all right?" in talk.heard_words()
