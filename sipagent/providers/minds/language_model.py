"""LanguageModel: a mind of any vendor, through pydantic-ai: streamed words, tools and tokens."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self, cast

import structlog
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import Expectation, Say, ToolCall, Used
from sipagent.agent.spec import AgentSpec
from sipagent.errors import ProviderError
from sipagent.tools.spec import ToolSpec

from .causes import FAILURES, failure
from .history import to_model
from .wire import Wire, closing_responses

#: letters of a token, where the server has not counted yet
_PER_TOKEN = 4
_log = structlog.get_logger()


class LanguageModel:
    """A Brain; one instance a call. Nothing is retried here: the agent decides by
    `ProviderError.retryable`. `stall` is the longest silence within an answer, seconds.
    """

    def __init__(
        self, wire: Wire, prompt: str | None, *, stall: float, phrases: Iterable[str] = ()
    ) -> None:
        """`prompt` and `phrases` are the agent's."""
        self._wire = wire
        self._prompt = prompt
        self._stall = stall
        self._expectation = Expectation(tuple(dict.fromkeys(phrases)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def warm(self) -> None:
        """Open the connection while the phone rings, so that the first turn finds it ready.

        A failure is logged and no more: the first turn will tell.
        """
        try:
            await self._wire.warm()
        except (*FAILURES, *self._wire.failures) as error:
            _log.warning("model_not_warmed", provider=self._wire.name, cause=type(error).__name__)

    def described(self) -> Mapping[str, Any]:
        """See `Described`."""
        settings = {
            name: value for name, value in self._wire.settings.items() if _told(name, value)
        }
        return {
            "model": self._wire.model.model_name,
            "settings": settings,
            "prompt": self._prompt or "",
        }

    def expects(self, conversation: Conversation) -> Expectation:
        """The phrases of the agent: a model takes any words, embedded ears know no others."""
        return self._expectation

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall | Used]:
        """Stream the model's answer: text as it comes, then the tools it asks for, then the
        tokens; an estimate of those comes first, for an answer that is not read to its end.

        Closing the iterator closes the HTTP stream, so the server stops too. Raises
        ProviderError: before the first word, or, when the stream breaks, after some of them.
        """
        history = to_model(
            conversation.messages,
            conversation.prompt or self._prompt,
            written=conversation.written,
        )
        silent = True
        with self._told_plainly():
            async with (
                closing_responses(),
                model_request_stream(
                    self._wire.model,
                    history,
                    model_settings=_with(self._wire.settings, conversation.settings),
                    model_request_parameters=ModelRequestParameters(
                        function_tools=[_definition(tool) for tool in tools]
                    ),
                ) as stream,
            ):
                async for event in self._lively(stream):
                    if text := _text(event):
                        if silent:
                            yield replace(self._used(stream, history), estimated=True)
                        silent = False
                        yield Say(text)
                calls = [p for p in stream.get().parts if isinstance(p, ToolCallPart)]
                used = self._used(stream, history)
        for call in calls:
            yield ToolCall(call.tool_call_id, call.tool_name, _arguments(call))
        yield used
        last = conversation.last
        if silent and not calls and last is not None and last.role == "caller":
            raise ProviderError(self._wire.name, "the model answered with nothing")

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
                cause = f"{self._wire.url} fell silent in the middle of an answer"
                raise ProviderError(self._wire.name, cause, retryable=False) from error
            yield event
            bound = self._stall

    def _used(self, stream: StreamedResponse, history: Sequence[ModelMessage]) -> Used:
        counted = stream.usage
        model = stream.model_name or self._wire.model.model_name
        if not counted.input_tokens or not counted.output_tokens:
            letters = counted.input_tokens * _PER_TOKEN or sum(len(str(m)) for m in history)
            return Used(model, input=letters // _PER_TOKEN, estimated=True)
        return Used(
            model,
            input=counted.input_tokens,
            output=counted.output_tokens,
            cached=counted.cache_read_tokens,
        )

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except (*FAILURES, *self._wire.failures) as error:
            raise failure(error, self._wire) from error


def of_agent(spec: AgentSpec, wire: Wire, stall: float) -> LanguageModel:
    """The mind of an agent over a wire."""
    phrases = (phrase for intent in spec.intents.values() for phrase in intent.phrases)
    return LanguageModel(wire, spec.prompt, stall=stall, phrases=phrases)


def _definition(tool: ToolSpec) -> ToolDefinition:
    return ToolDefinition(
        name=tool.name,
        description=tool.description,
        parameters_json_schema=dict(tool.parameters),
        strict=False,
    )


def _with(own: ModelSettings, wishes: Mapping[str, float]) -> ModelSettings:
    """What was configured, and what the talk has changed of it."""
    changed: dict[str, Any] = {**own, **wishes}
    if "max_tokens" in wishes:
        changed["max_tokens"] = int(wishes["max_tokens"])
    return cast(ModelSettings, changed) if wishes else own


def _told(name: str, value: object) -> bool:
    """What a record may hold of the settings: plain wishes; headers and bodies may hold keys."""
    return not name.startswith("extra_") and isinstance(value, str | int | float | bool)


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
