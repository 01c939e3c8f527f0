"""Google's Gemini API: streamGenerateContent as server-sent events."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ..model_script import Reply, Request
from .dialect import Event

_NAMES = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_WRONG_KEY = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}


class Gemini:
    """A Dialect."""

    prefix = ""

    def is_asked(self, request: Request) -> bool:
        """See `Dialect`."""
        path, _, query = request.path.partition("?")
        return path.endswith(":streamGenerateContent") and "alt=sse" in query

    def key(self, request: Request) -> str:
        """See `Dialect`."""
        return request.headers.get("x-goog-api-key", "")

    def last(self, request: Request) -> Mapping[str, Any]:
        """See `Dialect`."""
        contents: list[Mapping[str, Any]] = list(request.body.get("contents") or [{}])
        return contents[-1]

    def answer(self, reply: Reply, request: Request) -> Iterator[Event]:
        """See `Dialect`. A function call comes whole: its arguments are an object."""
        model = request.path.partition("/models/")[2].partition(":")[0]
        for word in reply.words:
            yield _chunk(model, [{"text": word}])
        for index, tool in enumerate(reply.tools):
            call: dict[str, Any] = {"name": tool.name, "args": json.loads(tool.arguments or "{}")}
            yield _chunk(model, [{"functionCall": {**call, "id": tool.id or f"fc_{index}"}}])
        usage = {
            "promptTokenCount": reply.usage.input,
            "cachedContentTokenCount": reply.usage.cached,
            "candidatesTokenCount": len(reply.words) + 4 * len(reply.tools),
            "totalTokenCount": reply.usage.input + len(reply.words) + 4 * len(reply.tools),
        }
        last = {"content": {"role": "model", "parts": []}, "finishReason": "STOP", "index": 0}
        yield Event({"candidates": [last], "usageMetadata": usage, "modelVersion": model})

    def failed(self) -> Event:
        """See `Dialect`."""
        said = {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
        return Event({"error": said})

    def refusal(self, status: int) -> tuple[int, Mapping[str, Any]]:
        """See `Dialect`. A wrong key is a 400 there."""
        wrong_key = status == 401
        status = 400 if wrong_key else status
        message = "API key not valid." if wrong_key else HTTPStatus(status).phrase
        error = {"code": status, "message": message, "status": _NAMES.get(status, "UNKNOWN")}
        return status, {"error": {**error, "details": [_WRONG_KEY] if wrong_key else []}}

    def models(self) -> Mapping[str, Any]:
        """See `Dialect`."""
        return {"name": "models/test", "displayName": "Test"}


def _chunk(model: str, parts: list[Mapping[str, Any]]) -> Event:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return Event({"candidates": [candidate], "modelVersion": model}, token=True)
