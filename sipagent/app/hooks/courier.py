"""Courier: one receiver's deliveries, from the spool to its yes."""

import asyncio
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from sipagent.api.receivers import Tried, WebhookView
from sipagent.config import Webhook
from sipagent.events import WebhookChanged

from .docket import Docket
from .posting import Answer, Poster
from .selection import body as worded
from .spool import Entry, Spool

_log = structlog.get_logger(__name__)
#: attempts in a row that fail before it is called a failure
_TROUBLE = 3
#: seconds between two words about events that were dropped
_SELDOM = 60.0
#: for what is on its way when the server goes, seconds
_GRACE = 2.0


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


@dataclass(slots=True)
class _Tally:
    """What to tell of it."""

    delivered: int = 0
    dropped: int = 0
    #: of those, not told of yet, and when the last word was, on the loop's clock
    untold: int = 0
    told_at: float = float("-inf")
    error: str = ""
    failing_since: datetime | None = None
    last_delivered: datetime | None = None


class Courier:
    """Of one receiver. `tell` is given what its operator should know."""

    def __init__(
        self, name: str, prefix: Path, settings: Webhook, tell: Callable[[WebhookChanged], None]
    ) -> None:
        self.name = name
        self.settings = settings
        self.state = State.WORKING
        self._tell = tell
        self._spool = Spool(prefix, settings.spool_bytes)
        self._ended = prefix.with_name(f"{prefix.name}.ended")
        self._docket = Docket(settings.retry_seconds)
        self._poster: Poster | None = None
        self._tally = _Tally()
        self._flying: set[asyncio.Task[None]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        #: on the loop's clock: a receiver that is back after long is not told everything at once
        self._paced_until = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self, keys: Sequence[bytes], context: ssl.SSLContext) -> None:
        """Take up what waits, and deliver. Raises OSError."""
        for entry in await asyncio.to_thread(self._spool.open):
            self._docket.add(entry)
        self._poster = Poster(self.settings, keys, context)
        if self._has_ended():
            self.state = State.ENDED
        self._task = asyncio.create_task(self._run())

    def change(self, settings: Webhook, keys: Sequence[bytes], context: ssl.SSLContext) -> None:
        """By other settings from now on; what waits goes there, too."""
        old, self._poster = self._poster, Poster(settings, keys, context)
        again = self.settings.url != settings.url
        self.settings = settings
        self._spool.most_bytes = settings.spool_bytes
        self._docket.first_wait = settings.retry_seconds
        if again and self.state is State.ENDED:
            self._move(State.WORKING)
        if old is not None:
            retiring = asyncio.create_task(_retire(old, tuple(self._flying)))
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
        self.try_now()

    def happened(self, event_id: str, call_id: str, body: bytes) -> None:
        """Keep an event until the receiver has it; returns when it is safe from a kill."""
        if self.state is State.ENDED or self._task is None:
            return
        before = self._spool.dropped
        entry = self._spool.put(event_id, call_id, time.time(), body)
        if self._spool.dropped > before:
            self._docket.prune(self._spool.holds)
            self._lost(self._spool.dropped - before, "the spool is full: the oldest went")
        if entry is not None:
            self._docket.add(entry)
            self._wake.set()

    async def test(self) -> Tried:
        """See `Receivers`."""
        assert self._poster is not None
        body = worded("test", datetime.now(UTC), {"webhook": self.name})
        answer = await self._poster.post(f"test_{secrets.token_hex(8)}", body)
        if answer.ok:
            if self.state is State.ENDED:
                self._move(State.WORKING)
            self.try_now()
        return Tried(ok=answer.ok, detail=answer.detail, status=answer.status, ms=answer.ms)

    def try_now(self) -> None:
        """Do not wait any longer with what waits."""
        self._docket.wake()
        self._wake.set()

    async def close(self) -> None:
        """Give what is on its way a moment; what waits is kept. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._flying:
            await asyncio.wait(self._flying, timeout=_GRACE)
        for task in tuple(self._flying):
            task.cancel()
        await asyncio.gather(*self._flying, *self._retiring, return_exceptions=True)
        if self._poster is not None:
            await self._poster.close()
            self._poster = None
        self._spool.close()

    def clear(self) -> int:
        """Drop what waits, for good; how many events that were."""
        self._ended.unlink(missing_ok=True)
        return self._spool.clear()

    def view(self) -> WebhookView:
        """How it does."""
        oldest, tally, now = self._spool.oldest, self._tally, datetime.now(UTC)
        rest = self._docket.rests_until - asyncio.get_running_loop().time()
        return WebhookView(
            name=self.name,
            url=f"{self.settings.url.scheme}://{_place(self.settings)}",
            state=self.state.value,
            waiting=self._spool.waiting,
            waiting_since=datetime.fromtimestamp(oldest.at, UTC) if oldest is not None else None,
            delivered=tally.delivered,
            dropped=tally.dropped,
            error=tally.error,
            failing_since=tally.failing_since,
            next_try=now + timedelta(seconds=rest) if rest > 0 else None,
            last_delivered=tally.last_delivered,
        )

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            while len(self._flying) < self.settings.at_once and now >= self._paced_until:
                entry = self._docket.take(now, len(self._flying))
                if entry is None:
                    break
                if self._begin(entry):
                    self._paced_until = now + 1 / self.settings.per_second
            self._wake.clear()
            due = self._docket.next_at(now)
            busy = len(self._flying) >= self.settings.at_once
            if busy or (self._docket.failures and self._flying):
                due = None  # whatever comes of those on their way says what is next
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    None if due is None else max(0.0, due - now, self._paced_until - now)
                ):
                    await self._wake.wait()

    def _begin(self, entry: Entry) -> bool:
        """Send one on its way, unless it is not to be told any more; is it on its way?"""
        body = b""
        if self._spool.holds(entry):
            if time.time() - entry.at > self.settings.give_up_after:
                self._lost(1, f"not taken within {self.settings.give_up_after:g} s")
            else:
                try:
                    body = self._spool.body(entry)
                except OSError as error:
                    self._lost(1, f"the spool cannot be read: {error}")
        if not body:
            self._spool.done(entry)
            self._docket.gone(entry)
            return False
        assert self._poster is not None
        task = asyncio.create_task(self._deliver(entry, body, self._poster))
        self._flying.add(task)
        task.add_done_callback(self._landed)
        return True

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._wake.set()

    async def _deliver(self, entry: Entry, body: bytes, poster: Poster) -> None:
        answer = await poster.post(entry.id, body)
        if self.state is State.ENDED:
            return
        if answer.ok:
            self._spool.done(entry)
            self._docket.taken(entry)
            self._tally.delivered += 1
            self._tally.last_delivered = datetime.now(UTC)
            self._tally.failing_since = None
            if self.state is State.FAILING:
                self._move(State.WORKING)
        elif answer.ended:
            self._end(answer)
        else:
            self._failed(entry, answer)

    def _failed(self, entry: Entry, answer: Answer) -> None:
        self._docket.failed(entry, asyncio.get_running_loop().time(), answer.wait)
        self._tally.error = answer.detail
        self._tally.failing_since = self._tally.failing_since or datetime.now(UTC)
        _log.info("webhook_not_taken", webhook=self.name, id=entry.id, cause=answer.detail)
        if self._docket.failures == _TROUBLE and self.state is State.WORKING:
            self._move(State.FAILING, answer.detail)

    def _end(self, answer: Answer) -> None:
        self._tally.error = answer.detail
        self._tally.failing_since = datetime.now(UTC)
        count = self._spool.clear()
        self._docket = Docket(self.settings.retry_seconds)
        self._tally.dropped += count
        with suppress(OSError):
            self._ended.write_text(self._mark())
        self._move(State.ENDED, answer.detail, count)

    def _move(self, state: State, detail: str = "", dropped: int = 0) -> None:
        assert state in _MOVES[self.state], f"{self.state} to {state}"
        self.state = state
        if state is State.WORKING:
            self._tally.failing_since = None
            self._ended.unlink(missing_ok=True)
            self._say("recovered", f"{self._spool.waiting} events wait")
        else:
            self._say("failing" if state is State.FAILING else "ended", detail, dropped)

    def _lost(self, count: int, why: str) -> None:
        """Some will never be told; a word about it now and then, not for each."""
        tally, now = self._tally, asyncio.get_running_loop().time()
        tally.dropped += count
        tally.untold += count
        if now - tally.told_at >= _SELDOM:
            self._say("dropped", why, tally.untold)
            tally.untold, tally.told_at = 0, now

    def _say(self, change: str, detail: str, dropped: int = 0) -> None:
        data = {"webhook": self.name, "change": change, "detail": detail, "dropped": dropped}
        self._tell(WebhookChanged.model_validate({"call_id": "", **data}))

    def _has_ended(self) -> bool:
        """Did this receiver, at this address, say to a server before us that it wants no more?"""
        try:
            return self._ended.read_text() == self._mark()
        except OSError:
            return False

    def _mark(self) -> str:
        digest = hashlib.sha256(str(self.settings.url).encode()).hexdigest()
        return json.dumps({"url": digest})


async def _retire(poster: Poster, flying: Sequence[asyncio.Task[None]]) -> None:
    """Close what is not used any more once nothing is on its way by it."""
    await asyncio.gather(*flying, return_exceptions=True)
    await poster.close()


def _place(settings: Webhook) -> str:
    """Host, port and path: user, password and query may be secrets."""
    url = settings.url
    port = f":{url.port}" if url.port not in (None, 80, 443) else ""
    return f"{url.host}{port}{url.path or ''}"
