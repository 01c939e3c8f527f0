"""Courier: one receiver's deliveries, from the spool to its yes."""

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from sipagent.api.receivers import Tried, WebhookView
from sipagent.config import Webhook
from sipagent.events import WebhookChanged
from sipagent.store.blanking import blank_lines, count_lines
from sipagent.tasks import Background, lasting, stopped

from .docket import Docket
from .posting import Poster
from .selection import body as worded
from .spool import Entry, Spool
from .standing import Standing, State

_log = structlog.get_logger(__name__)
#: for what is on its way when the server goes, seconds
_GRACE = 2.0


class Courier:
    """Of one receiver. `tell` is given what its operator should know."""

    def __init__(
        self, name: str, prefix: Path, settings: Webhook, tell: Callable[[WebhookChanged], None]
    ) -> None:
        self.settings = settings
        self._standing = Standing(name, prefix.with_name(f"{prefix.name}.ended"), tell)
        self._spool = Spool(prefix, settings.spool_bytes)
        self._docket = Docket(settings.retry_seconds)
        self._poster: Poster | None = None
        self._flying: set[asyncio.Task[None]] = set()
        self._retiring = Background()
        self._wake = asyncio.Event()
        #: on the loop's clock: a receiver that is back after long is not told everything at once
        self._paced_until = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self, keys: Sequence[bytes], context: ssl.SSLContext) -> None:
        """Take up what waits, and deliver. Raises OSError."""
        for entry in await asyncio.to_thread(self._spool.open):
            self._docket.add(entry)
        self._poster = Poster(self.settings, keys, context)
        self._standing.recall(self.settings)
        self._task = lasting(self._run(), "hooks")

    def change(self, settings: Webhook, keys: Sequence[bytes], context: ssl.SSLContext) -> None:
        """By other settings from now on; what waits goes there, too."""
        old, self._poster = self._poster, Poster(settings, keys, context)
        again = self.settings.url != settings.url
        self.settings = settings
        self._spool.most_bytes = settings.spool_bytes
        self._docket.first_wait = settings.retry_seconds
        if again and self._has_ended:
            self._standing.works()
        if old is not None:
            self._retiring.start(_retire(old, tuple(self._flying)))
        self.try_now()

    def happened(self, event_id: str, call_id: str, body: bytes) -> None:
        """Keep an event until the receiver has it; returns when it is safe from a kill."""
        if self._has_ended or self._task is None:
            return
        before = self._spool.dropped
        entry = self._spool.put(event_id, call_id, time.time(), body)
        dropped = self._spool.dropped - before
        if entry is None:
            if dropped:
                self._standing.lost(dropped, "the spool cannot be written")
            return
        if dropped:
            self._docket.prune(self._spool.holds)
            self._standing.lost(dropped, "the spool is full: the oldest went")
        self._docket.add(entry)
        self._wake.set()

    async def test(self) -> Tried:
        """See `Receivers`."""
        assert self._poster is not None
        body = worded("test", datetime.now(UTC), {"webhook": self._standing.name})
        answer = await self._poster.post(f"test_{secrets.token_hex(8)}", body)
        if answer.ok:
            if self._has_ended:
                self._standing.works()
            self.try_now()
        return Tried(ok=answer.ok, detail=answer.detail, status=answer.status, ms=answer.ms)

    def try_now(self) -> None:
        """Do not wait any longer with what waits."""
        self._docket.wake()
        self._wake.set()

    async def close(self) -> None:
        """Give what is on its way a moment; what waits is kept. Idempotent."""
        if self._task is not None:
            await stopped(self._task)
            self._task = None
        if self._flying:
            await asyncio.wait(self._flying, timeout=_GRACE)
        for task in tuple(self._flying):
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        await self._retiring.done()
        if self._poster is not None:
            await self._poster.close()
            self._poster = None
        self._spool.close()

    def clear(self) -> int:
        """Drop what waits, for good; how many events that were."""
        self._standing.forget()
        return self._spool.clear()

    async def count(self, theirs: Callable[[bytes], bool]) -> int:
        """Lines of the spool that are about somebody. Raises OSError."""
        files = self._spool.files()
        return sum([await asyncio.to_thread(count_lines, path, theirs) for path in files])

    async def erase(self, theirs: Callable[[bytes], bool]) -> int:
        """Away with them, also where the receiver has them already; what is on its way arrives.
        Raises OSError.
        """
        gone = 0
        for path in self._spool.files():
            gone += await asyncio.to_thread(blank_lines, path, theirs)
        if self._spool.drop_blank():
            self._docket.prune(self._spool.holds)
        return gone

    def view(self) -> WebhookView:
        """How it does."""
        oldest, standing = self._spool.oldest, self._standing
        rests = self._docket.rests_until > asyncio.get_running_loop().time()
        return WebhookView(
            name=standing.name,
            url=_place(self.settings),
            state=standing.state.value,
            waiting=self._spool.waiting,
            waiting_since=datetime.fromtimestamp(oldest.at, UTC) if oldest is not None else None,
            delivered=standing.delivered,
            dropped=standing.dropped,
            error=standing.error,
            failing_since=standing.failing_since,
            next_try=standing.next_try if rests else None,
            last_delivered=standing.last_delivered,
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
                self._standing.lost(1, f"not taken within {self.settings.give_up_after:g} s")
            else:
                try:
                    # one that was blanked meanwhile is told nobody
                    body = self._spool.body(entry).strip()
                except OSError as error:
                    self._standing.lost(1, f"the spool cannot be read: {error}")
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
        if self._has_ended:
            return
        if answer.ok:
            self._spool.done(entry)
            self._docket.taken(entry)
            self._standing.took()
        elif answer.ended:
            count = self._spool.clear()
            self._docket = Docket(self.settings.retry_seconds)
            self._standing.ended(self.settings, answer.detail, count)
        else:
            name = self._standing.name
            _log.info("webhook_not_taken", webhook=name, id=entry.id, cause=answer.detail)
            now = asyncio.get_running_loop().time()
            self._docket.failed(entry, now, answer.wait)
            rest = self._docket.rests_until - now
            self._standing.failed(answer.detail, self._docket.failures, rest)

    @property
    def _has_ended(self) -> bool:
        return self._standing.state is State.ENDED


async def _retire(poster: Poster, flying: Sequence[asyncio.Task[None]]) -> None:
    """Close what is not used any more once nothing is on its way by it."""
    await asyncio.gather(*flying, return_exceptions=True)
    await poster.close()


def _place(settings: Webhook) -> str:
    """Scheme, host and port: what else is in a URL may be a secret."""
    url = settings.url
    port = f":{url.port}" if url.port not in (None, 80, 443) else ""
    return f"{url.scheme}://{url.host}{port}"
