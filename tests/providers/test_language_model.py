"""Language models, against a local server that speaks the real protocol."""

import asyncio
import math
import os
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sipagent.agent.conversation import CallRequest, Conversation, Message
from sipagent.agent.protocols import Brain, Say, ToolCall
from sipagent.agent.spec import AgentSpec, Intent, ProviderRef
from sipagent.call.control import CallControl
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.minds.language_model import LanguageModel, LanguageModelOptions, preload
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
    return LanguageModel(LanguageModelOptions.model_validate(values), PROMPT, name="local")


def asked(text: str = "hello") -> Conversation:
    return Conversation([Message("caller", text=text)])


async def answer(
    model: LanguageModel, conversation: Conversation, *tools: ToolSpec
) -> list[Say | ToolCall]:
    return [part async for part in model.reply(conversation, tools)]


async def failure(server: ModelServer, **options: Any) -> ProviderError:
    async with model_on(server, **options) as model:
        with pytest.raises(ProviderError) as caught:
            await answer(model, asked())
    return caught.value


async def test_text_arrives_in_pieces_as_the_model_writes_it() -> None:
    async with ModelServer(["Good morning, what can I do?"]) as server, model_on(server) as model:
        parts = await answer(model, asked())
    assert parts[0] == Say("Good ")
    assert "".join(p.text for p in parts if isinstance(p, Say)) == "Good morning, what can I do?"


async def test_the_first_words_come_before_the_last_are_written() -> None:
    script = [Reply("One two three four", hold_after=2)]
    async with ModelServer(script) as server, model_on(server) as model:
        stream = model.reply(asked(), ())
        assert [await anext(stream), await anext(stream)] == [Say("One "), Say("two ")]
        await _close(stream)


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


async def test_a_tool_call_comes_whole_after_the_words_before_it() -> None:
    script = [Reply("One moment.", tools=[ToolUse("transfer", '{"to": "sip:sales@pbx"}', "t1")])]
    async with ModelServer(script) as server, model_on(server) as model:
        *said, call = await answer(model, asked(), TRANSFER)
    assert "".join(s.text for s in said if isinstance(s, Say)) == "One moment."
    assert call == ToolCall("t1", "transfer", {"to": "sip:sales@pbx"})


async def test_several_tool_calls_of_one_answer_are_kept_apart() -> None:
    script = [Reply(tools=[ToolUse("transfer", '{"to": "a"}'), ToolUse("transfer", '{"to": "b"}')])]
    async with ModelServer(script) as server, model_on(server) as model:
        calls = await answer(model, asked(), TRANSFER)
    assert [c.arguments for c in calls if isinstance(c, ToolCall)] == [{"to": "a"}, {"to": "b"}]
    assert len({c.id for c in calls if isinstance(c, ToolCall)}) == 2


@pytest.mark.parametrize("raw", ['{"to": "sip:sal', "[1, 2]", "to sales"])
async def test_malformed_arguments_reach_the_tool_as_they_were(raw: str) -> None:
    async with (
        ModelServer([Reply(tools=[ToolUse("transfer", raw)])]) as server,
        model_on(server) as model,
    ):
        (call,) = await answer(model, asked(), TRANSFER)
    assert isinstance(call, ToolCall)
    assert call.arguments == {"_malformed": raw}


async def test_empty_arguments_are_no_arguments() -> None:
    async with (
        ModelServer([Reply(tools=[ToolUse("hangup", "")])]) as server,
        model_on(server) as model,
    ):
        (call,) = await answer(model, asked(), TRANSFER)
    assert isinstance(call, ToolCall)
    assert call.arguments == {}


@pytest.mark.parametrize(
    ("status", "retryable", "advice"),
    [
        (401, False, "check api_key"),
        (404, False, "check model and base_url"),
        (400, False, "request refused"),
        (429, True, "too many requests"),
        (500, True, "the server failed"),
        (503, True, "the server failed"),
    ],
)
async def test_a_refusal_says_what_to_do_and_whether_to_try_again(
    status: int, retryable: bool, advice: str
) -> None:
    async with ModelServer([Reply(status=status)]) as server:
        error = await failure(server)
        assert len(server.chats) == 1
    assert error.provider == "local"
    assert error.retryable is retryable
    assert str(status) in error.cause
    assert advice in error.cause


async def test_a_wrong_key_is_told_apart() -> None:
    async with ModelServer(["Hello."], api_key="right") as server:
        assert "wrong API key" in (await failure(server, api_key="wrong")).cause
        async with model_on(server, api_key="right") as model:
            assert await answer(model, asked()) == [Say("Hello.")]


async def test_a_server_that_says_nothing_is_given_up_after_the_first_token_bound() -> None:
    async with ModelServer([Reply("late", stall=math.inf)]) as server:
        error = await failure(server, first_token_seconds=0.2)
        await server.until(lambda: bool(server.disconnects))
    assert error.retryable
    assert "within 0.2 s" in error.cause


async def test_a_server_that_falls_silent_in_mid_answer_is_given_up() -> None:
    script = [Reply("One two three", hold_after=1)]
    async with ModelServer(script) as server, model_on(server, stall_seconds=0.2) as model:
        stream = model.reply(asked(), ())
        assert await anext(stream) == Say("One ")
        with pytest.raises(ProviderError, match="fell silent") as caught:
            await anext(stream)
    assert caught.value.retryable


async def test_a_dropped_connection_is_an_error_after_the_words_that_came() -> None:
    script = [Reply("One two three", drop_after=2)]
    async with ModelServer(script) as server, model_on(server) as model:
        stream = model.reply(asked(), ())
        assert [await anext(stream), await anext(stream)] == [Say("One "), Say("two ")]
        with pytest.raises(ProviderError, match="broke in the middle") as caught:
            await anext(stream)
    assert caught.value.retryable


async def test_half_a_tool_call_is_never_made() -> None:
    script = [Reply(tools=[ToolUse("transfer", '{"to": "sip:sales@pbx"}')], drop_after=2)]
    async with ModelServer(script) as server, model_on(server) as model:
        with pytest.raises(ProviderError):
            await answer(model, asked(), TRANSFER)


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        options = LanguageModelOptions(model="m", base_url=url)
        async with LanguageModel(options, None) as model:
            with pytest.raises(ProviderError, match="cannot connect to http://127") as caught:
                await answer(model, asked())
    assert caught.value.retryable


async def test_an_empty_answer_is_a_failure_and_not_silence() -> None:
    async with ModelServer([Reply("")]) as server:
        assert "nothing" in (await failure(server)).cause


async def test_closing_the_iterator_closes_the_stream_at_the_server() -> None:
    script = [Reply("One two three four", hold_after=2)]
    async with ModelServer(script) as server, model_on(server) as model:
        stream = model.reply(asked(), ())
        await anext(stream)
        await _close(stream)
        async with asyncio.timeout(5):
            await server.until(lambda: bool(server.disconnects))
        assert len(server.disconnects) == 1


async def test_cancelling_before_the_first_word_closes_the_stream_at_the_server() -> None:
    async with ModelServer([Reply("x", stall=math.inf)]) as server, model_on(server) as model:
        task = asyncio.create_task(answer(model, asked()))
        await server.until(lambda: bool(server.chats))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await server.until(lambda: bool(server.disconnects))


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


async def test_one_connection_serves_the_warming_and_every_turn() -> None:
    async with ModelServer(["One.", "Two."]) as server, model_on(server) as model:
        await model.warm()
        await answer(model, asked())
        await answer(model, asked())
        assert server.requests[0].path == "/v1/models"
        assert server.connections == 1


async def test_warming_a_dead_server_harms_nothing() -> None:
    async with ModelServer() as server:
        url = server.base_url
    async with LanguageModel(LanguageModelOptions(model="m", base_url=url), None) as model:
        await model.warm()
        with pytest.raises(ProviderError):
            await answer(model, asked())


def test_a_missing_key_is_found_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ProviderError, match="no API key") as caught:
        LanguageModel(LanguageModelOptions(model="m"), None)
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


async def _close(stream: AsyncIterator[Say | ToolCall]) -> None:
    close = getattr(stream, "aclose")  # noqa: B009 - the protocol promises an iterator only
    await close()
