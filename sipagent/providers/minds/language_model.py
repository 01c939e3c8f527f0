"""Minds over HTTP: any server that speaks OpenAI's streaming chat completions."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import structlog
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError, Timeout
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRequestTimeout,
)
from pydantic_ai.messages import (
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import Expectation, Say, ToolCall
from sipagent.errors import ProviderError
from sipagent.tools.spec import ToolSpec

from ..kit import Kit, Options, checked
from ..trust import tls
from .history import to_model

CONNECT_SECONDS = 5.0
_log = structlog.get_logger()


class LanguageModelOptions(BaseModel):
    """Keys of a language model provider.

    Without `base_url` it is OpenAI itself, and `OPENAI_API_KEY` serves where no key is given;
    that key is never sent anywhere else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    base_url: str | None = Field(default=None, description="where the API begins: http://host/v1")
    api_key: SecretStr | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    first_token_seconds: float = Field(default=8.0, gt=0, description="longest wait for a word")
    stall_seconds: float = Field(default=5.0, gt=0, description="longest silence between words")


class LanguageModel:
    """A Brain; one instance a call, made after the fork, since it owns sockets.

    The HTTP client and its connection serve every turn of the call. Nothing is retried here: the
    agent decides by `ProviderError.retryable`.
    """

    def __init__(
        self,
        options: LanguageModelOptions,
        prompt: str | None,
        *,
        phrases: Iterable[str] = (),
        name: str = "openai",
    ) -> None:
        """`prompt` and `phrases` are the agent's, `name` the provider's in sipagent.yaml.

        Raises ProviderError.
        """
        self._name = name
        self._expectation = Expectation(tuple(dict.fromkeys(phrases)))
        self._prompt = prompt
        self._stall = options.stall_seconds
        self._settings = _settings(options)
        try:
            self._client = _client(options)
        except OpenAIError as error:
            cause = "no API key: set api_key, or OPENAI_API_KEY in the environment"
            raise ProviderError(name, cause, retryable=False) from error
        self._model = _model(options, name, self._client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def warm(self) -> None:
        """Open the connection while the phone rings, so that the first turn finds it ready.

        A failure is logged and no more: the first turn will tell.
        """
        try:
            await self._client.models.list()
        except OpenAIError as error:
            _log.warning("model_not_warmed", provider=self._name, cause=str(error))

    def expects(self, conversation: Conversation) -> Expectation:
        """The phrases of the agent: a model takes any words, embedded ears know no others."""
        return self._expectation

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall]:
        """Stream the model's answer: text as it comes, then the tools it asks for.

        Closing the iterator closes the HTTP stream, so the server stops too. Raises
        ProviderError: before the first word, or, when the stream breaks, after some of them.
        """
        with self._told_plainly():
            async with model_request_stream(
                self._model,
                to_model(
                    conversation.messages,
                    conversation.prompt or self._prompt,
                    written=conversation.written,
                ),
                model_settings=self._settings,
                model_request_parameters=ModelRequestParameters(
                    function_tools=[_definition(tool) for tool in tools]
                ),
            ) as stream:
                silent = True
                async for event in self._lively(stream):
                    if text := _text(event):
                        silent = False
                        yield Say(text)
                calls = [p for p in stream.get().parts if isinstance(p, ToolCallPart)]
            for call in calls:
                yield ToolCall(call.tool_call_id, call.tool_name, _arguments(call))
        last = conversation.last
        if silent and not calls and last is not None and last.role == "caller":
            raise ProviderError(self._name, "the model answered with nothing")

    async def _lively(self, stream: StreamedResponse) -> AsyncIterator[ModelResponseStreamEvent]:
        """The events of a stream; the first has a bound of its own, set on the request."""
        events, bound = aiter(stream), None
        while True:
            try:
                async with asyncio.timeout(bound):
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                url = self._client.base_url
                raise ProviderError(
                    self._name, f"{url} fell silent in the middle of an answer"
                ) from error
            yield event
            bound = self._stall

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except (AgentRunError, OpenAIError) as error:
            cause, retryable = _cause(error, str(self._client.base_url), self._model.model_name)
            raise ProviderError(self._name, cause, retryable=retryable) from error


def preload() -> None:
    """Do in the zygote, before it forks, what every model would do at its start.

    Opens nothing: no socket, no thread, no loop.
    """
    tls()
    LanguageModel(LanguageModelOptions(model="none", base_url="http://127.0.0.1:9/v1"), None)


def make(kit: Kit, name: str, raw: Options) -> "LanguageModel":
    """See `Late`: the mind of a plan that names kind `openai`. Raises ProviderError."""
    options = checked(LanguageModelOptions, name, raw)
    phrases = (phrase for intent in kit.spec.intents.values() for phrase in intent.phrases)
    return LanguageModel(options, kit.spec.prompt, phrases=phrases, name=name)


def _client(options: LanguageModelOptions) -> AsyncOpenAI:
    longest = max(options.first_token_seconds, options.stall_seconds)
    limit = Timeout(longest, connect=CONNECT_SECONDS)
    key = options.api_key.get_secret_value() if options.api_key else None
    if options.base_url is not None:
        key = key or "none"  # local servers need no key, the client insists on one
    secure = options.base_url is None or options.base_url.lower().startswith("https:")
    return AsyncOpenAI(
        api_key=key,
        base_url=options.base_url,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(verify=tls() if secure else False, timeout=limit),
        timeout=limit,
    )


def _model(options: LanguageModelOptions, name: str, client: AsyncOpenAI) -> OpenAIChatModel:
    if options.base_url is None:
        return OpenAIChatModel(options.model, provider=OpenAIProvider(openai_client=client))
    # the older, wider understood dialect: max_tokens, tools without "strict"
    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False,
        openai_supports_strict_tool_definition=False,
    )
    provider = OpenAICompatibleProvider(name, openai_client=client, profile=profile)
    return OpenAIChatModel(options.model, provider=provider)


def _settings(options: LanguageModelOptions) -> ModelSettings:
    settings = ModelSettings(
        first_event_timeout=options.first_token_seconds,
        max_retries=0,
    )
    if options.temperature is not None:
        settings["temperature"] = options.temperature
    if options.max_tokens is not None:
        settings["max_tokens"] = options.max_tokens
    return settings


def _definition(tool: ToolSpec) -> ToolDefinition:
    return ToolDefinition(
        name=tool.name,
        description=tool.description,
        parameters_json_schema=dict(tool.parameters),
        strict=False,
    )


def _text(event: ModelResponseStreamEvent) -> str:
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _arguments(call: ToolCallPart) -> dict[str, Any]:
    if isinstance(call.args, Mapping):
        return dict(call.args)
    raw = call.args or "{}"
    try:
        arguments = json.loads(raw)
    except json.JSONDecodeError:
        return {"_malformed": raw}
    return arguments if isinstance(arguments, dict) else {"_malformed": raw}


def _cause(error: Exception, url: str, model: str) -> tuple[str, bool]:
    """What went wrong and what to do, for a person; and whether trying again may help."""
    if isinstance(error, ModelHTTPError):
        return _status(error, url, model)
    if isinstance(error, ModelRequestTimeout):
        return f"no word from {model} within {error.timeout:g} s", True
    if isinstance(error, ModelConnectionError) and error.phase == "connect":
        return f"cannot connect to {url}: is the server up and base_url right?", True
    if isinstance(error, ModelConnectionError):
        return f"the connection to {url} broke in the middle of an answer", True
    return f"{type(error).__name__}: {error}", True


def _status(error: ModelHTTPError, url: str, model: str) -> tuple[str, bool]:
    match error.status_code:
        case 401 | 403:
            return f"{error.status_code} from {url}: wrong API key, check api_key", False
        case 404:
            return f"404 from {url}: no model {model!r} there, check model and base_url", False
        case 429:
            wait = f" for {error.retry_after:g} s" if error.retry_after else ""
            return f"429 from {url}: too many requests, wait{wait} or raise the quota", True
        case status if status >= 500:
            return f"{status} from {url}: the server failed, try again or look at its log", True
        case status:
            return f"{status} from {url}: request refused: {error.body}", False
