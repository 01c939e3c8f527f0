"""Uploads: bundles on their way to object storage, beside the calls."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from sipagent.call.cdr import Cdr
from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.store.upload.away import Away, uploads_folder
from sipagent.store.upload.bucket import Bucket
from sipagent.store.upload.receipts import Receipts
from sipagent.store.upload.sending import prune, send, waiting
from sipagent.store.upload.spool import Spool, Waiting
from sipagent.store.vault import Files
from sipagent.tasks import lasting, stopped

from .objects import Objects, Places
from .uploading import Health, Uploading, patience

log = structlog.get_logger(__name__)

#: seconds between looks at the spool, which commands write to, too
_LOOK = 2.0
#: files that are due to go from this disk are looked for so often while they are kept, but not
#: more often than this, seconds
_LOOKS, _OFTEN = 100, 60.0


@dataclass(slots=True)
class _Work:
    """What goes on."""

    sending: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    loop: "asyncio.Task[None] | None" = None


class Uploads:
    """`files` is how the files of bundles are read and written here. Without `store.upload` there
    is nothing else to it.
    """

    def __init__(self, settings: Settings) -> None:
        self._upload = settings.store.upload
        self.files = Files.of(settings.store)
        self.places: Places | None = None
        self.health = Health()
        #: bundles that wait, as last counted
        self.waiting = 0
        self._work = _Work()
        if self._upload is not None:
            folder, bucket = uploads_folder(settings), Bucket(self._upload)
            receipts = Receipts(folder)
            spool = Spool(folder / "waiting")
            self.places = Places(bucket, spool, receipts, settings.store.bundles)
            self.files = Files.of(settings.store, Away(bucket, receipts))

    @property
    def objects(self) -> tuple[Objects, ...]:
        """What of calls is there, to be removed; nothing where nothing is uploaded."""
        return () if self.places is None else (Objects(self.places, self.stop),)

    @property
    def seen(self) -> Uploading:
        """How it goes."""
        health = self.health
        return Uploading(self.waiting, health.sent, health.failed_in_all, health.error)

    def recorded(self, cdr: Cdr, folder: Path) -> None:
        """A bundle is whole: it waits from now on, whoever serves. Writes to disk: for a thread."""
        if self._upload is None or self.places is None:
            return
        try:
            self.places.spool.put(waiting(self._upload, cdr, folder))
        except OSError as error:
            log.error("upload_not_spooled", call_id=cdr.call_id, cause=str(error))

    def start(self) -> None:
        """Begin to send. Idempotent."""
        if self.places is not None and self._work.loop is None:
            self._work.loop = lasting(self._run(self.places), "uploads")

    async def close(self) -> None:
        """Stop; what is under way is sent again by whoever serves next. Idempotent."""
        await stopped(*self._work.sending.values(), self._work.loop)
        self._work = _Work()

    async def stop(self, call_id: str) -> None:
        """Do not send this call's bundle just now."""
        await stopped(self._work.sending.get(call_id))

    async def _run(self, places: Places) -> None:
        asked, pruned = await asyncio.to_thread(places.spool.wanted_again), 0.0
        while True:
            now = time.time()
            again = await asyncio.to_thread(places.spool.wanted_again)
            if hurry := again > asked:
                asked = again
                self.health.hurry()
            try:
                await self._begin(places, now, hurry=hurry)
                if now >= pruned + self._between_prunes:
                    pruned = now
                    await self._prune(places, now)
            except OSError as error:
                log.error("uploads_failed", cause=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._work.wake.wait(), _LOOK)
            self._work.wake.clear()

    @property
    def _between_prunes(self) -> float:
        keep = self._upload.keep_local if self._upload is not None else None
        return max(_OFTEN, (keep or timedelta()).total_seconds() / _LOOKS)

    async def _begin(self, places: Places, now: float, *, hurry: bool) -> None:
        """Send what is due, as far as there is room."""
        assert self._upload is not None
        self.waiting = await asyncio.to_thread(lambda: places.spool.count)
        room = 1 if self.health.failures else self._upload.at_once
        room -= len(self._work.sending)
        if not self.waiting or room <= 0 or now < self.health.until:
            return
        taken = frozenset(self._work.sending)
        for entry in await asyncio.to_thread(_due, places.spool, now, taken, room, hurry):
            task = asyncio.create_task(self._send(places, entry))
            self._work.sending[entry.call_id] = task

    async def _send(self, places: Places, entry: Waiting) -> None:
        try:
            await self._sent(places, entry)
        except SipAgentError as error:
            if not self.health.failures:
                log.error("upload_failed", call_id=entry.call_id, cause=str(error))
            self.health.failed(str(error), time.time())
            await self._put_back(places, entry, str(error), 0.0)
        except FileNotFoundError:
            log.warning("upload_dropped", call_id=entry.call_id, cause="the bundle is gone")
            await asyncio.to_thread(places.spool.drop, entry.call_id)
        except OSError as error:
            log.error("upload_failed", call_id=entry.call_id, cause=str(error))
            await self._put_back(places, entry, str(error), patience(entry.attempts + 1))
        finally:
            self._work.sending.pop(entry.call_id, None)

    async def _sent(self, places: Places, entry: Waiting) -> None:
        receipt = await send(entry, places.bucket, self.files)
        if self.health.failures:
            log.info("uploads_work_again", failures=self.health.failures)
        self.health.worked()
        await asyncio.to_thread(places.receipts.put, receipt)
        if await asyncio.to_thread(_is_the_last, places.spool, entry):
            await asyncio.to_thread(places.spool.drop, entry.call_id)
        size = sum(sent.bytes for sent in receipt.files)
        log.info("bundle_uploaded", call_id=entry.call_id, objects=len(receipt.files), bytes=size)
        self._work.wake.set()  # there may be more; after a failure the next look is soon enough

    async def _put_back(self, places: Places, entry: Waiting, cause: str, wait: float) -> None:
        try:
            if await asyncio.to_thread(_is_the_last, places.spool, entry):
                await asyncio.to_thread(places.spool.put, entry.failed(cause, wait))
        except OSError as error:
            log.error("upload_not_spooled", call_id=entry.call_id, cause=str(error))

    async def _prune(self, places: Places, now: float) -> None:
        """Take off this disk what has been there as well for long enough."""
        assert self._upload is not None
        keep = self._upload.keep_local
        if keep is None:
            return
        due = await asyncio.to_thread(
            lambda: list(places.receipts.here(now - keep.total_seconds()))
        )
        for receipt in due:
            folder = places.bundles / receipt.call_id
            if not await asyncio.to_thread(prune, receipt, folder, places.receipts):
                entry = Waiting(
                    call_id=receipt.call_id, folder=folder, prefix=receipt.prefix, since=now
                )
                await asyncio.to_thread(places.spool.put, entry)
                log.info("upload_wanted_again", call_id=receipt.call_id, cause="changed here")
                self._work.wake.set()


def _due(
    spool: Spool, now: float, taken: frozenset[str], room: int, hurry: bool
) -> Sequence[Waiting]:
    found: list[Waiting] = []
    for entry in spool.all():
        if entry.call_id not in taken and (hurry or entry.next_try <= now):
            found.append(entry)
            if len(found) == room:
                break
    return found


def _is_the_last(spool: Spool, entry: Waiting) -> bool:
    """Was it not asked for anew, or erased, while it was sent?"""
    known = spool.get(entry.call_id)
    return known is not None and known.since == entry.since
