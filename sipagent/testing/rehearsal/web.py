"""ScriptedWeb: what a rehearsed call gets when it asks on the web; nothing leaves the machine."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import chain, repeat
from typing import Any
from urllib.parse import urlsplit

from sipagent.call.web import WebFailed, WebReply, WebRequest, without_secrets
from sipagent.events import WebAsked
from sipagent.providers.web.client import Tell


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back after `seconds`; a `fault` stands for no answer at all."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.05
    fault: str = ""

    @classmethod
    def of(cls, data: Any, status: int = 200, seconds: float = 0.05) -> "Answer":
        """JSON data."""
        kind = {"content-type": "application/json"}
        return cls(status, json.dumps(data).encode(), kind, seconds)


class ScriptedWeb:
    """A `Web`. `script` is by pattern of a URL, a method before it where that matters (`POST
    https://shop.example/*`); several answers are given one after the other, the last for ever.
    What no pattern fits is refused, and `on_refused` told.
    """

    def __init__(self, script: Mapping[str, Sequence[Answer]] | None = None) -> None:
        self.asked: list[WebRequest] = []
        self.tell: Tell | None = None
        self.on_refused: Callable[[str], None] = lambda what: None
        self._script: dict[str, Iterator[Answer]] = {
            pattern: chain(answers, repeat(answers[-1]))
            for pattern, answers in (script or {}).items()
        }

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`."""
        self.asked.append(request)
        answer = self._answer(request)
        await asyncio.sleep(min(answer.seconds, request.timeout))
        shown = without_secrets(request.url)
        late = answer.seconds > request.timeout
        fault = f"not there within {request.timeout:g} s" if late else answer.fault
        self._record(request, answer, fault)
        if fault:
            raise WebFailed(f"{shown}: {fault}")
        return WebReply(answer.status, shown, answer.headers, answer.body)

    def _answer(self, request: WebRequest) -> Answer:
        url = without_secrets(request.url)
        query = urlsplit(request.url).query
        written = (url, f"{url}?{query}")
        asked = [f"{method}{one}" for one in written for method in ("", f"{request.method} ")]
        for pattern, answers in self._script.items():
            if any(fnmatchcase(one, pattern) for one in asked):
                return next(answers)
        what = f"{request.method} {url}"
        self.on_refused(what)
        return Answer(seconds=0.0, fault="this rehearsal has no answer to it under web:")

    def _record(self, request: WebRequest, answer: Answer, fault: str) -> None:
        if self.tell is not None:
            parts = urlsplit(without_secrets(request.url))
            self.tell(
                WebAsked,
                by=request.by,
                method=request.method,
                host=parts.netloc,
                path=parts.path,
                status=None if fault else answer.status,
                ms=round(1000 * min(answer.seconds, request.timeout)),
                bytes=len(answer.body),
                error=fault,
            )
