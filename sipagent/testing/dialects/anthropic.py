"""Anthropic's Messages API, streamed."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ..model_script import Reply, Request, ToolUse, thirds
from .dialect import Event

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Anthropic:
    """A Dialect."""

    prefix = ""

    def is_asked(self, request: Request) -> bool:
        """See `Dialect`."""
        right = "anthropic-version" in request.headers
        asked = request.path.partition("?")[0] == "/v1/messages"
        return right and asked and bool(request.body.get("stream"))

    def key(self, request: Request) -> str:
        """See `Dialect`."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return request.headers.get("x-api-key") or token

    def last(self, request: Request) -> Mapping[str, Any]:
        """See `Dialect`."""
        return (request.messages or [{}])[-1]

    def answer(self, reply: Reply, request: Request) -> Iterator[Event]:
        """See `Dialect`."""
        usage = {
            "input_tokens": reply.usage.input - reply.usage.cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": reply.usage.cached,
            "output_tokens": 1,
        }
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": str(request.body.get("model", "")),
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        yield _event("message_start", message=message)
        yield _event("ping")
        place = 0
        if reply.words:
            yield from _text(reply.words)
            place = 1
        for index, tool in enumerate(reply.tools):
            yield from _tool(tool, place + index)
        reason = "tool_use" if reply.tools else "end_turn"
        delta = {"stop_reason": reason, "stop_sequence": None}
        words = len(reply.words) + 4 * len(reply.tools)
        yield _event("message_delta", delta=delta, usage={"output_tokens": words})
        yield _event("message_stop")

    def failed(self) -> Event:
        """See `Dialect`."""
        return _event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def refusal(self, status: int) -> tuple[int, Mapping[str, Any]]:
        """See `Dialect`."""
        phrase = "Overloaded" if status == 529 else HTTPStatus(status).phrase
        error = {"type": _KINDS.get(status, "api_error"), "message": phrase}
        return status, {"type": "error", "error": error, "request_id": "req_1"}

    def models(self) -> Mapping[str, Any]:
        """See `Dialect`."""
        return {"data": [], "has_more": False, "first_id": None, "last_id": None}


def _event(kind: str, *, token: bool = False, **fields: Any) -> Event:
    return Event({"type": kind, **fields}, name=kind, token=token)


def _text(words: list[str]) -> Iterator[Event]:
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words:
        delta = {"type": "text_delta", "text": word}
        yield _event("content_block_delta", token=True, index=0, delta=delta)
    yield _event("content_block_stop", index=0)


def _tool(tool: ToolUse, place: int) -> Iterator[Event]:
    block = {"type": "tool_use", "id": tool.id or f"toolu_{place}", "name": tool.name, "input": {}}
    yield _event("content_block_start", token=True, index=place, content_block=block)
    for piece in thirds(tool.arguments):
        delta = {"type": "input_json_delta", "partial_json": piece}
        yield _event("content_block_delta", token=True, index=place, delta=delta)
    yield _event("content_block_stop", index=place)
