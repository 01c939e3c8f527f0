"""DebugFeed: SWML's debug webhook. In order, one at a time, and the call never waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sipagent.call.posts import shown
from sipagent.call.session import CallSession
from sipagent.call.web import WebFailed, WebRequest
from sipagent.events import Reported

from .entries import Happening, microseconds
from .labels import Told, told, told_of_function

#: events that wait; beyond it the oldest are dropped, and the next one says how many
_MOST = 256
#: seconds for one answer
_TIMEOUT = 3.0
#: failures in a row, after which nobody listens there
_FAILURES = 5


@dataclass(slots=True)
class _State:
    """Where the feed stands."""

    over: bool = False
    dropped: int = 0
    sent: int = 0
    failures: int = 0
    cause: str = ""


class DebugFeed:
    """One instance a talk. `identity` is what every event says of the talk."""

    def __init__(
        self, call: CallSession, url: str, level: int, identity: Callable[[], dict[str, Any]]
    ) -> None:
        self._call = call
        self._url = url
        self._level = level
        self._identity = identity
        self._waiting: deque[dict[str, Any]] = deque()
        self._more = asyncio.Event()
        self._state = _State()

    def happened(self, happening: Happening) -> None:
        """Something happened: send it if it is of the level asked for."""
        if (what := told(happening)) is not None:
            self.tell(what, happening.event.at)

    def function_called(self, entry: Mapping[str, Any]) -> None:
        """A function was called outside, as `swaig_log` has it."""
        for what in told_of_function(entry):
            self.tell(what)

    def tell(self, what: Told, at: datetime | None = None) -> None:
        """Send this after what waits already; it happened `at`, or now."""
        if what.level > self._level or self._state.over:
            return
        body = {**what.fields, **self._identity(), "label": what.label, what.label: what.fields}
        self._waiting.append(body | {"timestamp": microseconds(at or datetime.now(UTC))})
        if len(self._waiting) > _MOST:
            self._waiting.popleft()
            self._state.dropped += 1
        self._more.set()

    def close(self) -> None:
        """No more comes; what waits is still sent."""
        self._state.over = True
        self._more.set()

    async def run(self) -> None:
        """Send until it is closed and nothing waits. Never raises."""
        state = self._state
        while state.failures < _FAILURES:
            await self._more.wait()
            if self._waiting:
                await self._send(self._waiting.popleft())
            elif state.over:
                break
            else:
                self._more.clear()
        self._waiting.clear()
        self._call.emit(
            Reported,
            report="debug",
            url=shown(self._url),
            ok=not state.cause,
            tries=state.sent,
            error=state.cause,
        )

    async def _send(self, body: dict[str, Any]) -> None:
        state = self._state
        if state.dropped:
            body["dropped_events"], state.dropped = state.dropped, 0
        try:
            request = WebRequest(self._url, "POST", data=body, timeout=_TIMEOUT, most=1 << 16)
            reply = await self._call.services.web.ask(request)
            cause = "" if reply.ok else f"it answered {reply.status}"
        except WebFailed as error:
            cause = str(error)
        state.sent += 1
        state.cause = cause or state.cause
        state.failures = state.failures + 1 if cause else 0
