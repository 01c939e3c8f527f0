"""What every language model does, against local servers speaking each vendor's true protocol."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sipagent.agent.conversation import CallRequest, Conversation, Message
from sipagent.agent.protocols import Say, ToolCall, Used
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.call.control import CallControl
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.minds.language_model import LanguageModel
from sipagent.providers.registry import MINDS, pick
from sipagent.testing.dialects.anthropic import Anthropic
from sipagent.testing.dialects.dialect import Dialect
from sipagent.testing.dialects.gemini import Gemini
from sipagent.testing.dialects.openai_chat import OpenAIChat
from sipagent.testing.dialects.openai_responses import OpenAIResponses
from sipagent.testing.model_script import Usage
from sipagent.testing.model_server import ModelServer, Reply, ToolUse
from sipagent.testing.ports import free_port
from sipagent.tools.spec import ToolResult, ToolSpec

Script = list[Reply | str]


@dataclass(frozen=True, slots=True)
class Vendor:
    """A kind of provider, and the protocol its server speaks."""

    kind: str
    dialect: Callable[[], Dialect]
    more: Mapping[str, Any]

    def serving(self, script: Script, **options: Any) -> ModelServer:
        return ModelServer(script, dialect=self.dialect(), **options)

    def at(self, url: str, **options: Any) -> LanguageModel:
        spec = AgentSpec(prompt="You are the reception.")
        values = {"model": "test-model", "base_url": url, **self.more, **options}
        made = pick(
            MINDS, ProviderRef(provider=self.kind, **values), Kit(8000, spec, None), Settings()
        )
        assert isinstance(made, LanguageModel)
        return made

    def model(self, server: ModelServer, **options: Any) -> LanguageModel:
        return self.at(server.base_url, **options)


VENDORS = {
    "openai": Vendor("openai", OpenAIChat, {}),
    "responses": Vendor("openai", OpenAIResponses, {"api": "responses"}),
    "anthropic": Vendor("anthropic", Anthropic, {}),
    "google": Vendor("google", Gemini, {}),
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


async def _never(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    raise AssertionError("a mind runs no tool itself")


TRANSFER = ToolSpec(
    "transfer",
    "Put the caller through.",
    {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
    _never,
)


def asked(text: str = "hello") -> Conversation:
    return Conversation([Message("caller", text=text)])


async def answer(model: LanguageModel, conversation: Conversation, *tools: ToolSpec) -> list[Any]:
    return [part async for part in model.reply(conversation, tools)]


def words(parts: list[Any]) -> list[str]:
    return [part.text for part in parts if isinstance(part, Say)]


async def failure(vendor: Vendor, reply: Reply, *tools: ToolSpec, **options: Any) -> ProviderError:
    async with vendor.serving([reply]) as server, vendor.model(server, **options) as model:
        with pytest.raises(ProviderError) as caught:
            await answer(model, asked(), *tools)
        assert len(server.chats) == 1
    assert caught.value.provider == vendor.kind
    return caught.value


async def test_words_come_as_the_model_writes_them_and_its_tokens_at_the_end(
    vendor: Vendor,
) -> None:
    reply = Reply("Good morning, what can I do?", usage=Usage(input=120, cached=100))
    async with vendor.serving([reply]) as server, vendor.model(server) as model:
        parts = await answer(model, asked())
    assert words(parts) == ["Good ", "morning, ", "what ", "can ", "I ", "do?"]
    first, last = parts[0], parts[-1]
    assert isinstance(first, Used) and first.estimated
    assert last == Used("test-model", input=120, output=6, cached=100)


async def test_the_first_words_come_before_the_last_are_written(vendor: Vendor) -> None:
    script: Script = [Reply("One two three four", hold_after=2)]
    async with vendor.serving(script) as server, vendor.model(server) as model:
        stream = model.reply(asked(), ())
        assert isinstance(await anext(stream), Used)
        assert [await anext(stream), await anext(stream)] == [Say("One "), Say("two ")]
        await _close(stream)
        async with asyncio.timeout(5):
            await server.until(lambda: bool(server.disconnects))


async def test_tool_calls_come_whole_after_the_words_before_them(vendor: Vendor) -> None:
    tools = [ToolUse("transfer", '{"to": "a"}', "t1"), ToolUse("transfer", '{"to": "b"}', "t2")]
    script: Script = [Reply("One moment.", tools=tools)]
    async with vendor.serving(script) as server, vendor.model(server) as model:
        parts = await answer(model, asked(), TRANSFER)
    assert "".join(words(parts)) == "One moment."
    calls = [part for part in parts if isinstance(part, ToolCall)]
    assert [(c.name, c.arguments) for c in calls] == [
        ("transfer", {"to": "a"}),
        ("transfer", {"to": "b"}),
    ]
    assert len({call.id for call in calls}) == 2
    assert parts.index(calls[0]) > parts.index(Say("moment."))


async def test_the_results_of_tools_go_back_to_the_model(vendor: Vendor) -> None:
    script: Script = [Reply(tools=[ToolUse("transfer", '{"to": "a"}', "t1")]), "Nobody is there."]
    async with vendor.serving(script) as server, vendor.model(server) as model:
        conversation = asked("sales please")
        (call, _) = await answer(model, conversation, TRANSFER)
        request = CallRequest(call.id, call.name, call.arguments)
        conversation.add(Message("agent", requests=(request,)))
        result = Message("tool", "486 Busy", tool_call_id=call.id, tool="transfer", ok=False)
        conversation.add(result)
        assert "".join(words(await answer(model, conversation, TRANSFER))) == "Nobody is there."
        assert "Failed: 486 Busy" in str(server.chats[1].body)


async def test_after_an_interruption_the_model_reads_only_what_was_heard(vendor: Vendor) -> None:
    async with vendor.serving(["Yes."]) as server, vendor.model(server) as model:
        conversation = asked("when are you open")
        conversation.add(Message("agent", text="We open at nine and close at five"))
        conversation.cut("We open at")
        conversation.add(Message("caller", text="and on Saturdays"))
        await answer(model, conversation)
        read = str(server.chats[0].body)
    assert "You are the reception." in read
    assert "We open at'" in read and "close at five" not in read
    assert "[cut you off] and on Saturdays" in read


@pytest.mark.parametrize(
    ("reply", "retryable", "advice"),
    [
        (Reply(status=404), False, "check model and base_url"),
        (Reply(status=400), False, "the request was refused"),
        (Reply(status=429), True, "too many requests"),
        (Reply(status=429, retry_after=7), False, "wait for 7 s"),
        (Reply(status=500), True, "the server failed"),
        (Reply(status=503), True, "the server failed"),
    ],
)
async def test_a_refusal_says_what_to_do_and_whether_to_try_again(
    vendor: Vendor, reply: Reply, retryable: bool, advice: str
) -> None:
    error = await failure(vendor, reply)
    assert error.retryable is retryable
    assert error.cause.startswith(f"{reply.status} from http://127.0.0.1")
    assert advice in error.cause


async def test_a_wrong_key_is_told_apart_and_kept_secret(vendor: Vendor) -> None:
    async with vendor.serving(["Hello."], api_key="right") as server:
        async with vendor.model(server, api_key="wr0ng-secret") as model:
            await model.warm()
            with pytest.raises(ProviderError, match="wrong API key") as caught:
                await answer(model, asked())
        assert not caught.value.retryable
        assert "wr0ng" not in str(caught.value)
        async with vendor.model(server, api_key="right") as model:
            assert words(await answer(model, asked())) == ["Hello."]


async def test_a_key_of_the_environment_is_sent_to_the_vendor_alone(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(variable, "s3cret")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "s3cret")
    async with vendor.serving(["Hello."]) as server, vendor.model(server) as model:
        await model.warm()
        await answer(model, asked())
        assert not any("s3cret" in str(request) for request in server.requests)


def test_a_missing_key_is_found_before_any_call(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ProviderError, match=r"no API key: set api_key, or [A-Z]+_API_KEY"):
        vendor.at("http://unused", base_url=None)


async def test_a_server_that_says_nothing_is_given_up_and_not_asked_again(vendor: Vendor) -> None:
    error = await failure(vendor, Reply("late", stall=math.inf), first_token_seconds=0.2)
    assert "no word from test-model within 0.2 s" in error.cause
    assert not error.retryable


async def test_a_server_that_falls_silent_in_mid_answer_is_given_up(vendor: Vendor) -> None:
    error = await failure(vendor, Reply("One two three", hold_after=2), stall_seconds=0.2)
    assert "fell silent in the middle" in error.cause


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply("One two three four", drop_after=2), "broke in the middle of an answer"),
        (Reply("One two three four", fail_after=2), ""),
        (Reply("One two three four", spoil_after=2), ""),
        (Reply(""), "answered with nothing"),
    ],
    ids=["dropped", "failed", "malformed", "empty"],
)
async def test_an_answer_that_goes_wrong_is_an_error_that_may_pass(
    vendor: Vendor, reply: Reply, said: str
) -> None:
    error = await failure(vendor, reply)
    assert error.retryable
    assert said in error.cause
    assert "\n" not in error.cause


async def test_half_a_tool_call_is_never_made(vendor: Vendor) -> None:
    tools = [ToolUse("transfer", '{"to": "sip:sales@pbx"}'), ToolUse("transfer", '{"to": "b"}')]
    await failure(vendor, Reply(tools=tools, drop_after=1), TRANSFER)


async def test_cancelling_before_the_first_word_closes_the_stream_at_the_server(
    vendor: Vendor,
) -> None:
    script: Script = [Reply("x", stall=math.inf)]
    async with vendor.serving(script) as server, vendor.model(server) as model:
        task = asyncio.create_task(answer(model, asked()))
        await server.until(lambda: bool(server.chats))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await server.until(lambda: bool(server.disconnects))


async def test_one_connection_serves_the_warming_and_every_turn(vendor: Vendor) -> None:
    async with vendor.serving(["One.", "Two."]) as server, vendor.model(server) as model:
        await model.warm()
        await answer(model, asked())
        await answer(model, asked())
        assert "/models" in server.requests[0].path
        assert server.connections == 1


async def test_a_server_that_is_not_there_is_named(vendor: Vendor) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with vendor.at(url) as model:
        await model.warm()
        with pytest.raises(ProviderError, match=f"cannot connect to {url}") as caught:
            await answer(model, asked())
    assert caught.value.retryable


async def _close(stream: Any) -> None:
    await stream.aclose()
