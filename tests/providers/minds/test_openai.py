"""What is said to a model, as a server of OpenAI's Chat Completions gets it."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sipagent.agent.conversation import CallRequest, Conversation, Message
from sipagent.agent.protocols import Brain, Say, ToolCall, Used
from sipagent.agent.spec import AgentSpec, Intent, ProviderRef
from sipagent.call.control import CallControl
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.minds.language_model import LanguageModel
from sipagent.providers.minds.openai import OpenAIOptions, preload, wire
from sipagent.providers.registry import MINDS, pick
from sipagent.testing.model_server import ModelServer, Reply, ToolUse
from sipagent.tools.spec import ToolResult, ToolSpec

PROMPT = "You are the reception of Rossi and Sons."


async def _never(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    raise AssertionError("a mind runs no tool itself")


TRANSFER = ToolSpec(
    "transfer",
    "Put the caller through.",
    {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
    _never,
)


def model_on(server: ModelServer, **options: Any) -> LanguageModel:
    values = {"model": "test-model", "base_url": server.base_url, **options}
    chosen = OpenAIOptions.model_validate(values)
    return LanguageModel(wire("local", chosen), PROMPT, stall=chosen.stall_seconds)


def asked(text: str = "hello") -> Conversation:
    return Conversation([Message("caller", text=text)])


async def answer(
    model: LanguageModel, conversation: Conversation, *tools: ToolSpec
) -> list[Say | ToolCall]:
    parts = [part async for part in model.reply(conversation, tools)]
    return [part for part in parts if not isinstance(part, Used)]


async def test_settings_that_a_talk_has_changed_count_before_those_of_the_plan() -> None:
    async with ModelServer(["Yes.", "Yes."]) as server:
        async with model_on(server, temperature=0.2, max_tokens=50) as model:
            conversation = asked()
            conversation.settings |= {"temperature": 1.1, "top_p": 0.5, "max_tokens": 20.0}
            await answer(model, conversation)
            await answer(model, asked())
        changed, own = (chat.body for chat in server.chats)
    assert (changed["temperature"], changed["top_p"], changed["max_tokens"]) == (1.1, 0.5, 20)
    assert (own["temperature"], own.get("top_p"), own["max_tokens"]) == (0.2, None, 50)


async def test_a_request_that_was_reworded_is_not_shown_nor_is_its_result() -> None:
    conversation = asked()
    request = CallRequest("1", "lookup", {})
    conversation.add(Message("agent", requests=(request,)))
    conversation.add(Message("tool", "secret", tool_call_id="1", tool="lookup"))
    conversation.reword_tool("1", "I looked it up.")
    conversation.add(Message("caller", "and?"))
    async with ModelServer(["Yes."]) as server, model_on(server) as model:
        await answer(model, conversation)
        shown = [(m["role"], m["content"]) for m in server.chats[0].messages[1:]]
    assert shown == [("user", "hello"), ("assistant", "I looked it up."), ("user", "and?")]


async def test_the_request_carries_prompt_settings_and_tools() -> None:
    async with ModelServer(["Yes."]) as server:
        async with model_on(server, temperature=0.2, max_tokens=50, api_key="k") as model:
            await answer(model, asked("are you open?"), TRANSFER)
        request = server.chats[0]
    assert request.headers["authorization"] == "Bearer k"
    assert request.body["model"] == "test-model"
    assert (request.body["temperature"], request.body["max_tokens"]) == (0.2, 50)
    assert request.messages[0]["role"] == "system"
    assert request.messages[0]["content"].startswith(PROMPT)
    assert request.messages[1] == {"role": "user", "content": "are you open?"}
    (tool,) = request.body["tools"]
    assert tool["function"]["name"] == "transfer"
    assert tool["function"]["description"] == "Put the caller through."
    assert tool["function"]["parameters"]["required"] == ["to"]


@pytest.mark.parametrize("raw", ['{"to": "sip:sal', "[1, 2]", "to sales"])
async def test_malformed_arguments_reach_the_tool_as_they_were(raw: str) -> None:
    async with (
        ModelServer([Reply(tools=[ToolUse("transfer", raw)])]) as server,
        model_on(server) as model,
    ):
        (call,) = await answer(model, asked(), TRANSFER)
    assert isinstance(call, ToolCall)
    assert call.arguments == {"_malformed": raw}


async def test_after_an_interruption_the_model_reads_only_what_was_heard() -> None:
    script: list[Reply | str] = [
        Reply("We open at nine and close at five", hold_after=4),
        "Yes, on Saturdays too.",
    ]
    async with ModelServer(script) as server, model_on(server) as model:
        conversation = asked("when are you open")
        stream = model.reply(conversation, ())
        await anext(stream)
        await _close(stream)
        conversation.add(Message("agent", text="We open at nine and close at five"))
        conversation.cut("We open at")
        conversation.add(Message("caller", text="and on Saturdays"))
        assert await answer(model, conversation)
        sent = server.chats[1].messages[1:]
    assert sent == [
        {"role": "user", "content": "when are you open"},
        {"role": "assistant", "content": "We open at"},
        {"role": "user", "content": "[cut you off] and on Saturdays"},
    ]


async def test_an_answer_nobody_heard_is_not_in_the_history() -> None:
    conversation = asked("hello")
    conversation.add(Message("agent", text="Good morning"))
    conversation.cut("")
    conversation.add(Message("caller", text="are you there"))
    sent = await _sent(conversation)
    assert [m["role"] for m in sent] == ["user", "user"]
    assert sent[1]["content"] == "[cut you off] are you there"


async def test_keys_are_shown_as_keys() -> None:
    conversation = Conversation([Message("caller", digits="123")])
    assert (await _sent(conversation))[0]["content"] == "[keys pressed: 123]"


async def test_tools_and_their_results_go_back_to_the_model() -> None:
    request = CallRequest("t1", "transfer", {"to": "sip:a@b"})
    conversation = Conversation(
        [
            Message("caller", text="sales"),
            Message("agent", text="One moment.", requests=(request,)),
            Message("tool", text="486 Busy Here", tool="transfer", tool_call_id="t1", ok=False),
        ]
    )
    sent = await _sent(conversation)
    assert [m["role"] for m in sent] == ["user", "assistant", "tool"]
    (call,) = sent[1]["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("t1", "transfer")
    assert sent[2]["tool_call_id"] == "t1"
    assert sent[2]["content"] == "Failed: 486 Busy Here"


async def test_a_tool_that_was_cut_short_is_answered_all_the_same() -> None:
    requests = (CallRequest("t1", "lookup", {}), CallRequest("t2", "lookup", {}))
    conversation = Conversation(
        [
            Message("caller", text="where is my order"),
            Message("agent", requests=requests),
            Message("caller", text="hello?"),
            Message("tool", text="It is late.", tool="lookup", tool_call_id="t2"),
            Message("tool", text="asked by nobody", tool="lookup", tool_call_id="t9"),
        ]
    )
    sent = await _sent(conversation)
    # servers refuse a history in which a tool call is not answered at once
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert "did not finish" in sent[2]["content"]
    assert sent[3]["content"] == "It is late."


def test_a_missing_key_is_found_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ProviderError, match="no API key") as caught:
        wire("openai", OpenAIOptions(model="m"))
    assert not caught.value.retryable


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # runners have threads
def test_a_process_forked_after_preloading_talks_to_its_model() -> None:
    preload()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        heard = asyncio.run(_one_answer())
        os._exit(0 if heard == [Say("Hello.")] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


async def _one_answer() -> list[Say | ToolCall]:
    async with ModelServer(["Hello."]) as server, model_on(server) as model:
        return await answer(model, asked())


async def test_it_is_a_brain_that_expects_the_phrases_of_its_agent() -> None:
    intents = {
        "sales": Intent(phrases=("sales please", "i want to buy")),
        "yes": Intent(phrases=("yes", "sales please")),
    }
    options = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
    spec = AgentSpec(brain=(ProviderRef(provider="openai", **options),), intents=intents)
    brain: Brain = pick(MINDS, spec.brain[0], Kit(8000, spec, None), Settings())
    assert brain.expects(Conversation()).phrases == ("sales please", "i want to buy", "yes")


@pytest.mark.parametrize(
    ("confidence", "read"),
    [(None, "sales"), (0.9, "sales"), (0.6, "[unclear] sales"), (0.1, "[not understood]")],
)
async def test_the_model_is_told_how_well_the_caller_was_heard(
    confidence: float | None, read: str
) -> None:
    message = Message("caller", "sales", confidence=confidence)
    (user,) = await _sent(Conversation([message]))
    assert user["content"] == read


async def test_the_server_matches_replies_by_the_last_message() -> None:
    script: list[Reply | str] = [Reply("Nine.", when=lambda m: "open" in m["content"]), "Hello."]
    async with ModelServer(script) as server, model_on(server) as model:
        assert await answer(model, asked("good day")) == [Say("Hello.")]
        assert await answer(model, asked("are you open")) == [Say("Nine.")]


async def _sent(conversation: Conversation) -> list[dict[str, Any]]:
    """The messages after the system prompt, as the server got them."""
    async with ModelServer(["Very well."]) as server, model_on(server) as model:
        await answer(model, conversation)
        return server.chats[0].messages[1:]


async def _close(stream: AsyncIterator[object]) -> None:
    close = getattr(stream, "aclose")  # noqa: B009 - the protocol promises an iterator only
    await close()
