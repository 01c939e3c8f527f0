"""Standing: how a receiver does, as its operator is told, by event and by view."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from sipagent.config import Webhook
from sipagent.events import WebhookChanged

#: attempts in a row that fail before it is called a failure
_TROUBLE = 3
#: seconds between two words about events that were dropped
_SELDOM = 60.0


class State(StrEnum):
    """Of a receiver."""

    WORKING = "working"
    FAILING = "failing"
    ENDED = "ended"


_MOVES = {
    State.WORKING: frozenset({State.FAILING, State.ENDED}),
    State.FAILING: frozenset({State.WORKING, State.ENDED}),
    State.ENDED: frozenset({State.WORKING}),
}


class Standing:
    """Of one receiver. That it has ended stands in the file `mark`, for servers after us."""

    def __init__(self, name: str, mark: Path, tell: Callable[[WebhookChanged], None]) -> None:
        self.name = name
        self.state = State.WORKING
        self.delivered = self.dropped = 0
        self.error = ""
        self.failing_since: datetime | None = None
        self.last_delivered: datetime | None = None
        self.next_try: datetime | None = None
        self._mark = mark
        self._tell = tell
        #: of those dropped, not told of yet, and when the last word was, on the loop's clock
        self._untold = 0
        self._told_at = float("-inf")

    def recall(self, settings: Webhook) -> None:
        """Did the receiver at this address say to a server before us that it wants no more?"""
        with suppress(OSError):
            if self._mark.read_text() == _digest(settings):
                self.state = State.ENDED

    def took(self) -> None:
        """It has an event."""
        self.delivered += 1
        self.last_delivered = datetime.now(UTC)
        if self.state is State.FAILING:
            self.works()
        self.failing_since = None

    def failed(self, detail: str, in_a_row: int, rest: float) -> None:
        """It did not take one; nobody asks it for `rest` seconds."""
        self.error = detail
        self.next_try = datetime.now(UTC) + timedelta(seconds=rest)
        self.failing_since = self.failing_since or datetime.now(UTC)
        if in_a_row >= _TROUBLE and self.state is State.WORKING:
            self._move(State.FAILING)
            self._say("failing", detail)

    def ended(self, settings: Webhook, detail: str, dropped: int) -> None:
        """It wants no more; what waited was dropped."""
        self._move(State.ENDED)
        self.error, self.failing_since = detail, datetime.now(UTC)
        self.dropped += dropped
        with suppress(OSError):
            self._mark.write_text(_digest(settings))
        self._say("ended", detail, dropped)

    def works(self) -> None:
        """It failed, or had ended, and is back."""
        self._move(State.WORKING)
        self.failing_since = None
        self.forget()
        self._say("recovered")

    def lost(self, count: int, why: str) -> None:
        """Some will never be told; a word about it now and then, not for each."""
        now = asyncio.get_running_loop().time()
        self.dropped += count
        self._untold += count
        if now - self._told_at >= _SELDOM:
            self._say("dropped", why, self._untold)
            self._untold, self._told_at = 0, now

    def forget(self) -> None:
        """That it has ended, on disk."""
        self._mark.unlink(missing_ok=True)

    def _move(self, state: State) -> None:
        assert state in _MOVES[self.state], f"{self.state} to {state}"
        self.state = state

    def _say(
        self,
        change: Literal["failing", "recovered", "dropped", "ended"],
        detail: str = "",
        dropped: int = 0,
    ) -> None:
        self._tell(
            WebhookChanged(
                call_id="", webhook=self.name, change=change, detail=detail, dropped=dropped
            )
        )


def _digest(settings: Webhook) -> str:
    return hashlib.sha256(str(settings.url).encode()).hexdigest()
