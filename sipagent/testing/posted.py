"""FakeWeb: a call's way to the web, kept in memory."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.call.web import WebFailed, WebReply, WebRequest


class FakeWeb:
    """Keeps every request; `answers` are by URL: a status, JSON with a 200, or several of them in
    turn, of which the last stays. What is not scripted is a 200 with `{}`; `None` is nobody there.
    """

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.asked: list[WebRequest] = []
        self._answers = dict(answers or {})

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`."""
        self.asked.append(request)
        answer = self._answers.get(request.url, {})
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            raise WebFailed("nobody answers there")
        if isinstance(answer, WebReply):
            return answer
        if isinstance(answer, int):
            return WebReply(answer, request.url)
        return WebReply(200, request.url, body=_json(answer))

    def told(self, url: str) -> Sequence[dict[str, Any]]:
        """The bodies that were posted to a URL, in order."""
        return [request.data for request in self.asked if request.url == url]

    def states(self, url: str, key: str = "state") -> list[Any]:
        """Of those bodies what stands under `params`."""
        return [body["params"].get(key) for body in self.told(url)]


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
