"""The embedded mind."""

from collections.abc import Mapping
from typing import Any

import pytest

from sipagent.agent.conversation import Conversation, Message
from sipagent.agent.protocols import Brain, Say, ToolCall
from sipagent.agent.spec import AgentSpec, Intent
from sipagent.call.control import CallControl
from sipagent.providers.minds.intents import IntentsBrain, problems
from sipagent.tools.spec import ToolResult, ToolSpec

SPEC = AgentSpec.model_validate(
    {
        "intents": {
            "opening_hours": {
                "phrases": ["what are your opening hours", "when are you open"],
                "say": "Nine to five.",
                "digits": "2",
            },
            "sales": {
                "phrases": ["transfer me to sales", "sales please"],
                "digits": "1",
                "say": "One moment.",
                "do": {"transfer": {"to": "sip:sales@pbx.example"}},
            },
            "order": {
                "phrases": "where is my order",
                "digits": "33",
                "do": {"lookup_order": {"number": 7}},
            },
            "goodbye": {"phrases": ["goodbye"], "do": {"hangup": None}},
        }
    }
)


class Caller:
    """Speaks to a brain the way the voice agent does."""

    def __init__(self, spec: AgentSpec = SPEC, tools: tuple[ToolSpec, ...] = ()) -> None:
        self.brain: Brain = IntentsBrain(spec)
        self.conversation = Conversation()
        self.tools = tools

    async def says(
        self, text: str = "", *, confidence: float | None = None, digits: str = ""
    ) -> list[Say | ToolCall]:
        return await self._hand(Message("caller", text=text, digits=digits, confidence=confidence))

    async def tool_returns(self, call: Say | ToolCall, text: str, *, ok: bool) -> str:
        assert isinstance(call, ToolCall)
        parts = await self._hand(
            Message("tool", text=text, tool=call.name, tool_call_id=call.id, ok=ok)
        )
        return " ".join(part.text for part in parts if isinstance(part, Say))

    async def _hand(self, message: Message) -> list[Say | ToolCall]:
        self.conversation.add(message)
        parts = self.brain.reply(self.conversation, self.tools)
        return [part async for part in parts if isinstance(part, Say | ToolCall)]


def words(parts: list[Say | ToolCall]) -> str:
    return " ".join(part.text for part in parts if isinstance(part, Say))


def test_it_is_a_brain() -> None:
    brain: Brain = IntentsBrain(SPEC)
    assert brain.expects(Conversation()).phrases[0] == "what are your opening hours"


async def test_a_declared_phrase_heard_well_is_answered() -> None:
    assert await Caller().says("when are you open", confidence=0.93) == [Say("Nine to five.")]


async def test_doing_speaks_first_and_then_asks_for_the_tool() -> None:
    said, call = await Caller().says("sales please", confidence=0.9)
    assert said == Say("One moment.")
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("transfer", {"to": "sip:sales@pbx.example"})


async def test_every_tool_call_of_a_call_has_its_own_id() -> None:
    caller = Caller()
    ids = {
        part.id
        for _ in range(3)
        for part in await caller.says("sales please", confidence=1.0)
        if isinstance(part, ToolCall)
    }
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("phrase", "question"),
    [
        ("when are you open", "Did you want opening hours?"),
        ("sales please", "Did you want sales?"),
        ("goodbye", "Did you want goodbye?"),
    ],
)
async def test_middling_confidence_asks_before_anything_is_done(phrase: str, question: str) -> None:
    parts = await Caller().says(phrase, confidence=0.6)
    assert words(parts).startswith(question)
    assert not any(isinstance(part, ToolCall) for part in parts)


@pytest.mark.parametrize("answer", ["yes", "Yes, please!", "yeah", "correct", "okay do that"])
async def test_yes_does_what_was_asked_about(answer: str) -> None:
    caller = Caller()
    await caller.says("sales please", confidence=0.6)
    assert any(isinstance(part, ToolCall) for part in await caller.says(answer))


@pytest.mark.parametrize("answer", ["no", "No thank you.", "nope", "no not sales"])
async def test_no_does_nothing_and_names_the_choices(answer: str) -> None:
    caller = Caller()
    await caller.says("sales please", confidence=0.6)
    parts = await caller.says(answer)
    assert words(parts).startswith("All right. You can say: what are your opening hours")
    assert not any(isinstance(part, ToolCall) for part in parts)


async def test_one_and_two_are_yes_and_no_while_a_question_is_open() -> None:
    caller = Caller()
    question = await caller.says("when are you open", confidence=0.6)
    assert "Press 1 for yes or 2 for no" in words(question)
    assert await caller.says(digits="1") == [Say("Nine to five.")]
    await caller.says("sales please", confidence=0.6)
    assert words(await caller.says(digits="2")).startswith("All right.")


async def test_a_key_wins_over_the_words_beside_it() -> None:
    parts = await Caller().says("sales please", confidence=1.0, digits="2")
    assert parts == [Say("Nine to five.")]


async def test_another_key_leaves_an_open_question() -> None:
    caller = Caller()
    await caller.says("sales please", confidence=0.6)
    (call,) = await caller.says(digits="33")
    assert isinstance(call, ToolCall)
    assert call.name == "lookup_order"


async def test_another_declared_phrase_leaves_an_open_question() -> None:
    caller = Caller()
    await caller.says("sales please", confidence=0.6)
    assert await caller.says("when are you open", confidence=0.95) == [Say("Nine to five.")]
    # and the question is closed: a late yes means nothing any more
    assert words(await caller.says("yes")).startswith("Sorry, I did not get that.")


async def test_an_unclear_answer_repeats_the_question_once_and_then_offers_keys() -> None:
    caller = Caller()
    await caller.says("sales please", confidence=0.6)
    first = words(await caller.says("well the thing", confidence=0.2))
    assert "did you want sales?" in first
    assert "1 for yes" in first
    second = words(await caller.says("well the thing", confidence=0.2))
    assert "press 1 for sales" in second


async def test_what_is_not_understood_is_met_with_the_choices_and_then_with_keys() -> None:
    caller = Caller()
    first = words(await caller.says("can i order a pizza"))
    assert first == (
        "Sorry, I did not get that. You can say: what are your opening hours, "
        "transfer me to sales, where is my order or goodbye."
    )
    second = words(await caller.says("pizza with mushrooms"))
    assert "press 2 for opening hours, press 1 for sales or press 33 for order" in second


async def test_being_understood_forgives_earlier_failures() -> None:
    caller = Caller()
    await caller.says("can i order a pizza")
    await caller.says("when are you open", confidence=0.9)
    assert "You can say" in words(await caller.says("pizza with mushrooms"))


async def test_a_key_nobody_declared_is_a_failure_with_a_way_out() -> None:
    assert words(await Caller().says(digits="9")).startswith("That key does nothing here. You can")


async def test_without_keys_the_second_failure_repeats_the_choices() -> None:
    caller = Caller(AgentSpec(intents={"hours": Intent(phrases=("when are you open",), say="9.")}))
    await caller.says("pizza")
    assert words(await caller.says("pizza")).endswith("You can say: when are you open.")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Sales, please!", "acts"),
        ("speak to sales please", "acts"),
        ("when are you open on Sunday?", "acts"),
        ("whats your opening hours", "acts"),
        ("good bye", "acts"),
        ("are you open tomorrow", "asks"),
        ("transfer me to support please", "asks"),
        ("no I do not want sales", "gives up"),
        ("where is the toilet", "gives up"),
        ("what is the weather in Rome", "gives up"),
        ("my name is John Smith", "gives up"),
        ("", "gives up"),
    ],
)
async def test_words_without_a_confidence_count_by_their_likeness(
    typed: str, expected: str
) -> None:
    parts = await Caller().says(typed)
    if words(parts).startswith("Did you want"):
        came = "asks"
    elif words(parts).startswith("Sorry"):
        came = "gives up"
    else:
        came = "acts"
    assert came == expected


async def test_sure_ears_do_not_make_undeclared_words_an_intent() -> None:
    parts = await Caller().says("what is the weather in Rome", confidence=0.99)
    assert words(parts).startswith("Sorry")


async def test_two_intents_alike_are_asked_about() -> None:
    spec = AgentSpec(
        intents={
            "north_office": Intent(phrases=("the office in the north",), say="North."),
            "south_office": Intent(phrases=("the office in the south",), say="South."),
        }
    )
    assert words(await Caller(spec).says("the office in the")).startswith("Did you want")
    assert await Caller(spec).says("the office in the south") == [Say("South.")]


@pytest.mark.parametrize(
    ("result", "spoken"),
    [
        ("sip:+1900@pbx.example is not an allowed destination", "that destination is not allowed"),
        ("486 Busy Here: sales is busy", "sales is busy"),
        ("480 Temporarily Unavailable", "Temporarily Unavailable"),
        ("the caller did not agree", "you did not agree"),
        ("transfer is possible from 09:00 to 17:00", "transfer is possible from 09:00 to 17:00"),
        ("sip:a@b said no.", "that destination said no"),
    ],
)
async def test_a_failed_transfer_is_explained_in_plain_words(result: str, spoken: str) -> None:
    caller = Caller()
    _, call = await caller.says("sales please", confidence=0.9)
    assert await caller.tool_returns(call, result, ok=False) == (
        f"I am sorry, I cannot put you through: {spoken}. What else can I do?"
    )


async def test_a_failed_tool_does_not_end_the_conversation() -> None:
    caller = Caller()
    (call,) = await caller.says("where is my order", confidence=0.9)
    assert "that did not work" in await caller.tool_returns(call, "no such order", ok=False)
    assert await caller.says("when are you open", confidence=0.9) == [Say("Nine to five.")]


async def test_the_result_of_a_question_is_read_out_and_that_of_a_transfer_is_not() -> None:
    caller = Caller()
    (lookup,) = await caller.says("where is my order", confidence=0.9)
    assert (
        await caller.tool_returns(lookup, "It ships on Monday.", ok=True) == "It ships on Monday."
    )
    _, transfer = await caller.says("sales please", confidence=0.9)
    assert await caller.tool_returns(transfer, "200 OK", ok=True) == ""


async def _never(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    raise AssertionError("a mind runs no tool itself")


async def test_a_lone_value_stands_for_the_first_parameter_of_the_tool() -> None:
    schema = {"type": "object", "properties": {"to": {}, "why": {}}, "required": ["to"]}
    tool = ToolSpec("transfer", "Put the caller through.", schema, _never)
    spec = AgentSpec.model_validate(
        {"intents": {"sales": {"phrases": ["sales"], "do": {"transfer": "sip:s@pbx.example"}}}}
    )
    (call,) = await Caller(spec, (tool,)).says("sales")
    assert isinstance(call, ToolCall)
    assert call.arguments == {"to": "sip:s@pbx.example"}


async def test_yes_and_no_are_expected_only_while_a_question_is_open() -> None:
    caller = Caller()
    assert "yes" not in caller.brain.expects(caller.conversation).phrases
    await caller.says("sales please", confidence=0.6)
    phrases = caller.brain.expects(caller.conversation).phrases
    assert {"yes", "no", "sales please"} <= set(phrases)
    await caller.says("yes")
    assert "yes" not in caller.brain.expects(caller.conversation).phrases


async def test_nothing_is_said_to_an_agents_own_words() -> None:
    caller = Caller()
    caller.conversation.add(Message("agent", text="Good morning."))
    assert [part async for part in caller.brain.reply(caller.conversation, ())] == []
    assert [part async for part in caller.brain.reply(Conversation(), ())] == []


def test_intents_nobody_can_reach_or_tell_apart_are_named() -> None:
    intents = {
        "a": Intent(phrases=("sales please",), say="A."),
        "b": Intent(phrases=("Sales please!",), say="B."),
        "c": Intent(say="C."),
        "d": Intent(digits="1"),
    }
    found = problems(intents)
    assert [place for place, _ in found] == [("b", "phrases", 0), ("c",), ("d",)]
    assert problems(SPEC.intents) == []


def test_the_keys_of_the_intents_are_expected() -> None:
    spec = AgentSpec.model_validate(
        {"intents": {"a": {"digits": "1", "say": "A."}, "b": {"phrases": "b", "say": "B."}}}
    )
    assert IntentsBrain(spec).expects(Conversation()).keys == ("1",)
