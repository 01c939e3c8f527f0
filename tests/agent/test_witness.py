"""What models are asked and answer is on record, as the call's record may hold it."""

import json
from collections.abc import Mapping
from typing import Any

from sipagent.agent.protocols import Say, ToolCall, Used
from sipagent.call.control import CallControl
from sipagent.call.privacy import Privacy
from sipagent.errors import ProviderError
from sipagent.store.exchanges import ModelRecord
from sipagent.testing.fakes import Line, Reply, ScriptedBrain, ScriptedEars
from sipagent.testing.model_log import KeptModelLog
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec


async def turns(talk: FakeTalk, count: int) -> None:
    """The caller speaks so many turns, each after the answer to the one before."""
    for number in range(1, count + 1):
        await talk.person.speak(500, 2500)
        assert sum(who == "caller" for who, _ in talk.said) == number


def telling(record: ModelRecord) -> list[tuple[str, str]]:
    """What each request ended in, and its answer."""
    return [
        (str(one.asked.messages[-1].get("text", "")), one.answer.text if one.answer else "")
        for one in record.exchanges
    ]


@virtual_time
async def test_each_request_of_a_talk_is_on_record_with_its_answer() -> None:
    log = KeptModelLog()
    brain = ScriptedBrain([0.3, Say("Nine to "), 0.2, Say("five."), Used("m-1", 30, 4)], "Bye.")
    ears = ScriptedEars("when are you open", "thanks")
    async with a_talk(
        ears=ears, brain=brain, provider="mind", prompt="You are a clerk.", fakes={"model_log": log}
    ) as talk:
        await turns(talk, 2)
    first, second = log.record.exchanges
    assert telling(log.record) == [("when are you open", "Nine to five."), ("thanks", "Bye.")]
    assert (first.asked.purpose, first.asked.provider) == ("talk", "mind")
    assert first.asked.prompt == second.asked.prompt
    assert first.asked.prompt.startswith("You are a clerk.")
    assert first.answer is not None and first.answer.end == "whole"
    assert (first.answer.first_ms, first.answer.ms) == (300, 500)
    assert (first.answer.model, first.answer.tokens["input"]) == ("m-1", 30)
    roles = [message["role"] for message in second.asked.messages if message["role"] != "system"]
    assert roles == ["caller", "agent", "caller"]


@virtual_time
async def test_a_long_talk_is_not_written_again_with_every_turn() -> None:
    log = KeptModelLog()
    words = [f"this is what i say in turn number {number}" for number in range(20)]
    async with a_talk(ears=ScriptedEars(*words), fakes={"model_log": log}, prompt="P" * 3000) as t:
        await turns(t, 20)
    assert len(log.record.exchanges) == 20
    assert len([m for m in log.record.exchanges[-1].asked.messages if m["role"] == "caller"]) == 20
    raw = b"".join(log.lines)
    assert all(raw.count(f'number {number}"'.encode()) == 1 for number in range(20))
    assert len(raw) < 20 * 900 + 4000


@virtual_time
async def test_a_tool_call_stands_with_its_arguments_and_result() -> None:
    log = KeptModelLog()

    async def look_up(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        return ToolResult("It is on its way.")

    tool = ToolSpec("look_up", "Where an order is.", {"type": "object"}, look_up)
    brain = ScriptedBrain([ToolCall("c1", "look_up", {"order": "7"})], "On its way.")
    fakes = {"model_log": log}
    async with a_talk(ears=ScriptedEars("my order"), brain=brain, tools=(tool,), fakes=fakes) as t:
        await turns(t, 1)
    first, second = log.record.exchanges
    wanted = {"id": "c1", "name": "look_up", "arguments": {"order": "7"}}
    assert first.answer is not None and first.answer.calls == (wanted,)
    assert second.asked.messages[-2]["requests"] == [wanted]
    assert second.asked.messages[-1]["text"] == "It is on its way."
    assert [tool["name"] for tool in second.asked.tools] == ["look_up"]


@virtual_time
async def test_an_answer_that_failed_and_one_that_was_stopped_say_so() -> None:
    log = KeptModelLog()
    failing: Reply = [ProviderError("mind", "it is out of order", retryable=False)]
    long: Reply = [Say("One two three four five six. "), 5.0, Say("Seven.")]
    brain = ScriptedBrain(failing, long, "Yes?")
    ears = ScriptedEars("hello", "go on", Line("stop it please"))
    async with a_talk(ears=ears, brain=brain, fakes={"model_log": log}) as talk:
        await talk.person.speak(500, 3000)
        await talk.person.speak(500, 1500)
        await talk.person.speak(1500, 2500)
    ends = [(a.end, a.error) for one in log.record.exchanges if (a := one.answer) is not None]
    assert ends == [("failed", "it is out of order"), ("stopped", ""), ("whole", "")]


@virtual_time
async def test_the_record_of_models_holds_no_number_that_the_call_record_may_not() -> None:
    log = KeptModelLog()
    privacy = Privacy(redact=("card_numbers", "email"))
    ears = ScriptedEars(
        "my card is four one one one one one one one", "one one one one one one one one", "ok"
    )
    brain = ScriptedBrain(
        "I write to ann@example.com then.", [ToolCall("c", "pay", {"card": "4111 1111 1111 1111"})]
    )
    async with a_talk(ears=ears, brain=brain, privacy=privacy, fakes={"model_log": log}) as talk:
        await turns(talk, 3)
    kept = json.dumps([one.model_dump(mode="json") for one in log.record.exchanges])
    said = [m["text"] for m in log.record.exchanges[-1].asked.messages if m["role"] == "caller"]
    assert said[1] == "[number]"
    assert "4111" not in kept and "ann@" not in kept and "[card number]" in kept


@virtual_time
async def test_of_keys_in_a_row_the_record_of_models_has_the_first_few() -> None:
    log = KeptModelLog()
    privacy = Privacy(redact=("card_numbers",))
    async with a_talk(privacy=privacy, fakes={"model_log": log}) as talk:
        await talk.until(500)
        talk.person.press("41111111")
        await talk.until(8000)
        talk.person.press("11111111")
        await talk.until(16_000)
    typed = [m["digits"] for m in log.record.exchanges[-1].asked.messages if "digits" in m]
    assert typed == ["4111[keys]", "[keys]"]
