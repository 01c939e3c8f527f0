"""check_for_input: what came elsewhere, a text message say, reaches a talk that goes on."""

import asyncio
from typing import Any

import pytest

from sipagent.call.web import WebFailed
from sipagent.testing.functions import a_function_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.swaig.polling import messages_of
from sipagent.tools.swaig.rules import Rules

NOTHING = {"status": "success", "new_input": False, "messages": []}


@pytest.mark.swml("param", "input_poll_freq", "check_for_input is asked so often while they talk")
@virtual_time
async def test_input_from_elsewhere_is_heard_as_if_the_caller_had_said_it() -> None:
    news = {"new_input": True, "messages": [{"content": "anna@example.com"}]}
    answers = {"check_for_input": [NOTHING, news, NOTHING]}
    rules = Rules(poll_seconds=1.0)
    async with a_function_talk(answers, "I got your address.", rules=rules) as talk:
        await asyncio.sleep(5.5)
        said = [m.text for m in talk.talk.conversation.messages if m.role == "caller"]
        assert said == ["anna@example.com"]
        assert talk.talk.said[-1] == ("agent", "I got your address.")
        assert talk.talk.brain.offered == [()]
        assert len(talk.requests) == 5
        assert {r["function"] for r in talk.requests} == {"check_for_input"}
        assert all(r["conversation_id"] == r["call_id"] for r in talk.requests)
        talk.talk.agent.leave()
        await talk.talk.end()
        await asyncio.sleep(3)
        assert len(talk.requests) == 5 and talk.talk.agent.log.functions() == []


@virtual_time
async def test_a_server_that_never_answers_is_asked_no_more_after_a_while() -> None:
    answers = {"check_for_input": [WebFailed("nobody answers there")]}
    async with a_function_talk(answers, rules=Rules(poll_seconds=1.0)) as talk:
        await asyncio.sleep(30)
        assert len(talk.requests) == 10
        assert [w for w in talk.warnings if "check_for_input" in w] == [
            "check_for_input: nobody answers there",
            "check_for_input failed 10 times in a row and is not asked any more",
        ]


@pytest.mark.parametrize(
    ("told", "texts"),
    [
        (NOTHING, ()),
        ({"new_input": True, "messages": ["one", {"text": "two"}, {}, 3]}, ("one", "two")),
        ({"response": " a text "}, ("a text",)),
        ({"response": {"tool_result": "x"}}, ()),
        ([], ()),
        ({"new_input": False, "messages": ["old"]}, ()),
    ],
)
def test_what_an_answer_holds_of_new_input(told: Any, texts: tuple[str, ...]) -> None:
    assert messages_of(told) == texts
