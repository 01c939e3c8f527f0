"""OpenAI's Chat Completions, streamed."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ..model_script import Reply, Request, thirds
from .dialect import Event


class OpenAIChat:
    """A Dialect."""

    prefix = "/v1"

    def is_asked(self, request: Request) -> bool:
        """See `Dialect`."""
        return request.path.endswith("/chat/completions") and bool(request.body.get("stream"))

    def key(self, request: Request) -> str:
        """See `Dialect`."""
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def last(self, request: Request) -> Mapping[str, Any]:
        """See `Dialect`."""
        return (request.messages or [{}])[-1]

    def answer(self, reply: Reply, request: Request) -> Iterator[Event]:
        """See `Dialect`. Tokens are words; a tool call's arguments come in three pieces."""
        model = str(request.body.get("model", ""))
        sent = 0
        for delta in _deltas(reply):
            yield _chunk(model, {"index": 0, "delta": delta, "finish_reason": None}, token=True)
            sent += 1
        finish = "tool_calls" if reply.tools else "stop"
        yield _chunk(model, {"index": 0, "delta": {}, "finish_reason": finish})
        usage = {
            "prompt_tokens": reply.usage.input,
            "prompt_tokens_details": {"cached_tokens": reply.usage.cached},
            "completion_tokens": sent,
            "total_tokens": reply.usage.input + sent,
        }
        yield _chunk(model, None, usage=usage)
        yield Event("[DONE]")

    def failed(self) -> Event:
        """See `Dialect`."""
        return Event({"error": {"message": "The server had an error", "type": "server_error"}})

    def refusal(self, status: int) -> tuple[int, Mapping[str, Any]]:
        """See `Dialect`."""
        said = HTTPStatus(status).phrase
        return status, {"error": {"message": said, "type": "error", "code": str(status)}}

    def models(self) -> Mapping[str, Any]:
        """See `Dialect`."""
        return {"object": "list", "data": []}


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    for index, word in enumerate(reply.words):
        role = {} if index else {"role": "assistant"}
        yield {**role, "content": word}
    for index, tool in enumerate(reply.tools):
        function = {"name": tool.name, "arguments": ""}
        name = tool.id or f"call_{index + 1}"
        yield {
            "tool_calls": [{"index": index, "id": name, "type": "function", "function": function}]
        }
        for piece in thirds(tool.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _chunk(
    model: str, choice: Mapping[str, Any] | None, *, token: bool = False, **more: Any
) -> Event:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": [choice] if choice else [],
        **more,
    }
    return Event(chunk, token=token)
