"""OpenAI's Responses, streamed."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..model_script import Reply, Request, ToolUse, thirds
from .dialect import Event
from .openai_chat import OpenAIChat


class OpenAIResponses(OpenAIChat):
    """A Dialect: keys, errors and models are those of all of OpenAI's API."""

    def is_asked(self, request: Request) -> bool:
        """See `Dialect`."""
        return request.path.endswith("/responses") and bool(request.body.get("stream"))

    def last(self, request: Request) -> Mapping[str, Any]:
        """See `Dialect`."""
        items: list[Mapping[str, Any]] = list(request.body.get("input") or [{}])
        return items[-1]

    def answer(self, reply: Reply, request: Request) -> Iterator[Event]:
        """See `Dialect`."""
        numbered = _Numbered(str(request.body.get("model", "")))
        yield numbered.event("response.created", response=numbered.response("in_progress"))
        place = 0
        if reply.words:
            yield from _message(numbered, reply.words)
            place = 1
        for index, tool in enumerate(reply.tools):
            yield from _function(numbered, tool, place + index)
        words = len(reply.words) + 4 * len(reply.tools)
        usage = {
            "input_tokens": reply.usage.input,
            "input_tokens_details": {"cached_tokens": reply.usage.cached},
            "output_tokens": words,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reply.usage.input + words,
        }
        done = numbered.response("completed", usage=usage)
        yield numbered.event("response.completed", response=done)

    def failed(self) -> Event:
        """See `Dialect`."""
        said = "The server had an error"
        return Event(
            {"type": "error", "code": "server_error", "message": said, "sequence_number": 9},
            name="error",
        )


class _Numbered:
    def __init__(self, model: str) -> None:
        self._model = model
        self._number = -1

    def event(self, kind: str, *, token: bool = False, **fields: Any) -> Event:
        self._number += 1
        data = {"type": kind, "sequence_number": self._number, **fields}
        return Event(data, name=kind, token=token)

    def response(self, status: str, usage: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": status,
            "model": self._model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage,
        }


def _message(numbered: _Numbered, words: list[str]) -> Iterator[Event]:
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    place: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    text = "".join(words)
    part = {"type": "output_text", "text": "", "annotations": []}
    yield numbered.event(
        "response.output_item.added", output_index=0, item={**item, "status": "in_progress"}
    )
    yield numbered.event("response.content_part.added", **place, part=part)
    for word in words:
        yield numbered.event(
            "response.output_text.delta", token=True, **place, delta=word, logprobs=[]
        )
    yield numbered.event("response.output_text.done", **place, text=text, logprobs=[])
    yield numbered.event("response.content_part.done", **place, part={**part, "text": text})
    whole = {**item, "status": "completed", "content": [{**part, "text": text}]}
    yield numbered.event("response.output_item.done", output_index=0, item=whole)


def _function(numbered: _Numbered, tool: ToolUse, place: int) -> Iterator[Event]:
    name = f"fc_{place}"
    item = {
        "id": name,
        "type": "function_call",
        "call_id": tool.id or f"call_{place + 1}",
        "name": tool.name,
        "arguments": "",
    }
    yield numbered.event(
        "response.output_item.added",
        token=True,
        output_index=place,
        item={**item, "status": "in_progress"},
    )
    for piece in thirds(tool.arguments):
        yield numbered.event(
            "response.function_call_arguments.delta",
            token=True,
            item_id=name,
            output_index=place,
            delta=piece,
        )
    yield numbered.event(
        "response.function_call_arguments.done",
        item_id=name,
        output_index=place,
        name=tool.name,
        arguments=tool.arguments,
    )
    whole = {**item, "status": "completed", "arguments": tool.arguments}
    yield numbered.event("response.output_item.done", output_index=place, item=whole)
