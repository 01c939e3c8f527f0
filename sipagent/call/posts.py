"""Posts: what a call tells URLs about itself, in order, while it goes on and shortly after."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from .afterwork import Afterwork
from .web import Web, WebFailed, WebRequest

PostMethod = Literal["GET", "POST"]

#: posts that wait for one URL; beyond them the newest is dropped and a warning says so
MOST = 200
#: seconds before the second and the third try
PAUSES = (1.0, 2.0)
#: seconds one try may take
PATIENCE = 5.0
#: statuses of a server that may know better soon; any other below 500 is its last word
_AGAIN = frozenset({408, 425, 429})


@dataclass(slots=True)
class _Line:
    """What waits for one URL. `down` after a post that nobody took: the next has one try only."""

    waiting: deque[WebRequest] = field(default_factory=deque)
    down: bool = False
    dropped: int = 0


class Posts:
    """One instance a call. `warn` is told what could not be delivered; it never holds the call
    up, and what is under way at the end of the call is finished as afterwork.
    """

    def __init__(self, web: Web, afterwork: Afterwork, warn: Callable[[str], None]) -> None:
        self._web = web
        self._afterwork = afterwork
        self._warn = warn
        self._lines: dict[str, _Line] = {}
        self._counts: dict[str, int] = {}

    def number(self, kind: str) -> str:
        """`play-1`, `play-2`: a control id for what the plan gave none."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}-{self._counts[kind]}"

    def send(self, url: str, data: dict[str, Any], *, method: PostMethod = "POST") -> None:
        """Tell a URL, after all it was told before; a GET has the data in its query."""
        if method == "GET":
            parts = urlsplit(url)
            query = "&".join(filter(None, (parts.query, urlencode(_flat(data)))))
            request = WebRequest(urlunsplit(parts._replace(query=query)), timeout=PATIENCE)
        else:
            request = WebRequest(url, "POST", data=data, timeout=PATIENCE)
        line = self._lines.get(url)
        if line is None:
            line = self._lines[url] = _Line()
        elif len(line.waiting) >= MOST:
            line.dropped += 1
            return
        line.waiting.append(request)
        if len(line.waiting) == 1:
            self._afterwork.add(self._drain(url, line))

    async def _drain(self, url: str, line: _Line) -> None:
        while line.waiting:
            problem = await self._delivered(line.waiting[0], line.down)
            line.waiting.popleft()
            if problem and not line.down:
                self._warn(f"{shown(url)} was not told: {problem}")
            line.down = bool(problem)
        if line.dropped:
            self._warn(f"{shown(url)} is too slow: {line.dropped} posts were dropped")
            line.dropped = 0

    async def _delivered(self, request: WebRequest, down: bool) -> str:
        """Empty, or why not."""
        problem = ""
        for pause in (0.0,) if down else (0.0, *PAUSES):
            if pause:
                await asyncio.sleep(pause)
            try:
                reply = await self._web.ask(request)
            except WebFailed as error:
                problem = str(error)
                continue
            if reply.ok:
                return ""
            problem = f"it answered {reply.status}"
            if reply.status < 500 and reply.status not in _AGAIN:
                break
        return problem


def shown(url: str) -> str:
    """A URL as it may be written down: no user, no password, no query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _flat(data: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in data.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{before}{key}.")
        else:
            pairs.append((before + key, value))
    return pairs
