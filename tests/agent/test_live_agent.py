"""Others have a word for the agent while it talks, and bring it tools."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.agent.protocols import ToolCall
from sipagent.call.control import CallControl
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec


async def _price(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    return ToolResult(f"{arguments['item']}: 12 euros")


PRICE = ToolSpec("price", "What a thing costs.", {"type": "object"}, _price)


class Shop:
    """A source whose tool is there a moment after the talk began."""

    def __init__(self) -> None:
        self.open_for: CallControl | None = None
        self.closed = False
        self.ready = False

    def open(self, control: CallControl) -> None:
        self.open_for = control
        control.call.spawn(self._prepare())

    async def _prepare(self) -> None:
        await asyncio.sleep(0.5)
        self.ready = True

    def offered(self) -> Sequence[ToolSpec]:
        return (PRICE,) if self.ready else ()

    async def close(self) -> None:
        self.closed = True


@virtual_time
async def test_a_source_brings_its_tools_when_they_are_there() -> None:
    shop = Shop()
    brain = ScriptedBrain([ToolCall("1", "price", {"item": "hat"})], "It is twelve euros.")
    async with a_talk(ears=ScriptedEars("how much"), brain=brain, sources=(shop,)) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        assert talk.said[-1] == ("agent", "It is twelve euros.")
        (result,) = [m for m in talk.conversation.messages if m.role == "tool"]
        assert (result.text, result.ok) == ("hat: 12 euros", True)
    assert shop.closed


@virtual_time
async def test_words_told_to_the_agent_are_answered() -> None:
    brain = ScriptedBrain("Noted.", "Nine to five.")
    async with a_talk(brain=brain) as talk:
        await talk.until(100)
        agent = talk.call.session.live_agent
        assert agent is not None
        agent.tell("The shop closes early today.")
        await talk.until(2000)
        agent.tell("when are you open", role="user")
        await talk.until(5000)
        said = [(m.role, m.text) for m in talk.conversation.messages]
        assert said == [
            ("system", "The shop closes early today."),
            ("agent", "Noted."),
            ("caller", "when are you open"),
            ("agent", "Nine to five."),
        ]


@virtual_time
async def test_an_agent_told_to_leave_stops_in_the_middle_of_a_word() -> None:
    async with a_talk(greeting="This is a very long greeting, and it goes on and on.") as talk:
        await talk.until(400)
        agent = talk.call.session.live_agent
        assert agent is not None
        agent.leave("desk")
        end = await talk.end()
        assert (end.reason, end.section) == ("done", "desk")
        assert talk.call.bridge.clock.t < 700
        assert _gone(talk)


def _gone(talk: FakeTalk) -> bool:
    return talk.call.session.live_agent is None


@virtual_time
async def test_a_talk_nobody_asks_about_is_not_kept() -> None:
    async with a_talk(ears=ScriptedEars("hello"), greeting="Good morning.") as alone:
        await alone.until(1000)
        await alone.person.speak(400, then_quiet=2000)
        assert alone.agent.log.happened == []
        assert [entry["role"] for entry in alone.agent.log.call_log()][-1] == "assistant"
    async with a_talk(ears=ScriptedEars("hello"), sources=(Shop(),)) as asked:
        await asked.until(1000)
        await asked.person.speak(400, then_quiet=2000)
        assert asked.agent.log.happened
