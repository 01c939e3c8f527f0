"""Store: calls and their events in a database, written behind the calls' backs."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.call.cdr import Cdr, fold
from sipagent.call.search import Search
from sipagent.events import CallEnded, CallStarted, Event, LegChanged, SipMessage
from sipagent.tasks import lasting, stopped

from .ahead import Ahead, Kept, Positions, read_kept
from .database import ERRORS, Database, answering, cause_of
from .schema import SchemaNewer
from .search import Page, page_of, query
from .tables import CALLS
from .writing import RECORD_TEXT, get_events, put_events, put_records

#: events waiting to be written; what comes while it is full waits on disk alone
QUEUE = 10_000
BATCH = 500
#: how long a batch gathers, seconds: it costs the loop milliseconds however small it is
GATHER = 0.5
#: between looks whether a database that failed takes what it has missed, seconds
AGAIN = 5.0
#: searches at a time
READERS = 3
#: events that change what the list of calls shows
_MILESTONES = (CallStarted, LegChanged, CallEnded)
#: all of them
EVERY = Search()
#: calls that live on nodes which are gone, at a time
_UNFINISHED = 500
_log = structlog.get_logger(__name__)


class _Item(NamedTuple):
    kept: Kept
    #: it is on disk too
    safe: bool


class Store:
    """`append` never waits and never fails; one task writes what it was given, in batches.

    What the database has not got yet is on disk, in segments beginning with `ahead`. What it does
    not take, for whatever reason, stays there until it does: in this process or the next.
    """

    def __init__(self, url: str, ahead: Path) -> None:
        """`url` is SQLAlchemy's, with an async driver. Raises ConfigError when it is not one."""
        # until it is opened it is somebody's who reads beside the server
        self._database = Database(url, connections=READERS + 1, upgrade=False)
        self._ahead = Ahead(ahead)
        self._positions = Positions()
        self._queue: asyncio.Queue[_Item] = asyncio.Queue(QUEUE)
        #: set while nobody wants to wait until a batch has gathered
        self._hurry = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        #: events of the calls that run; a call ends in time, its worker does too
        self._live: dict[str, list[Event]] = {}
        #: who reads must leave connections to who writes
        self._reading = asyncio.Semaphore(READERS)
        self._failing = False
        #: whose calls these are, where several servers share the database
        self.node = ""

    async def open(self) -> None:
        """Bring the schema up to date, take in what a server before us left, start writing.

        A database that cannot be reached now is tried again with every batch. Raises SchemaNewer.
        """
        self._database.upgrade = True
        try:
            await self._database.prepare()
        except SchemaNewer:
            raise
        except ERRORS as error:
            self._fail(cause_of(error))
        self._ahead.open()
        await self._take_in()
        self._writer = lasting(self._write_for_ever(), "records")

    def append(self, happened: Event) -> None:
        """Take an event; returns at once, when it is safe from a kill."""
        kept = self._positions.kept(happened)
        item = _Item(kept, self._ahead.write(kept))
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            self._fail("the queue is full")
            self._missed([item])

    @property
    def waiting(self) -> int:
        """Events that are not in the database yet."""
        return self._queue.qsize()

    @property
    def failing(self) -> bool:
        """True while the database takes nothing."""
        return self._failing

    async def flush(self) -> None:
        """Wait until everything appended so far is in the database, or was not taken by it."""
        self._hurry.set()
        await self._queue.join()
        self._hurry.clear()

    async def close(self) -> None:
        """Write what is left and let go of the database."""
        if self._writer is not None:
            await self.flush()
            await stopped(self._writer)
        self._ahead.close()
        await self._database.close()

    async def search(self, wanted: Search = EVERY, limit: int = 50, after: str = "") -> Page:
        """A page of records, the newest first, from the place `after` on, as the page before told
        it. Raises BadCursor, and SipAgentError when the database does not answer.
        """
        return page_of(await self._rows(query(wanted, limit, after)), limit)

    async def call(self, call_id: str) -> Cdr | None:
        """One record, or None. Raises SipAgentError."""
        rows = await self._rows(select(RECORD_TEXT).where(CALLS.c.call_id == call_id))
        return Cdr.model_validate_json(rows[0][0]) if rows else None

    async def events(self, call_id: str) -> list[Event]:
        """Everything that happened in a call, in order. Raises SipAgentError."""
        with answering():
            async with self._reading, self._database.begin() as connection:
                return await get_events(connection, call_id)

    async def placed(self, call_id: str) -> tuple[str, Cdr] | None:
        """One record, and the node that took the call; or None. Raises SipAgentError."""
        rows = await self._rows(select(CALLS.c.node, RECORD_TEXT).where(CALLS.c.call_id == call_id))
        return (rows[0][0], Cdr.model_validate_json(rows[0][1])) if rows else None

    async def unfinished(self, since: datetime) -> list[tuple[str, Cdr]]:
        """Records without an end of calls that began since then, with their nodes; so many at
        most. Raises SipAgentError.
        """
        wanted = select(CALLS.c.node, RECORD_TEXT).where(
            CALLS.c.started > since, CALLS.c.ended.is_(None)
        )
        rows = await self._rows(wanted.order_by(CALLS.c.started).limit(_UNFINISHED))
        return [(node, Cdr.model_validate_json(record)) for node, record in rows]

    async def close_record(self, record: Cdr, node: str) -> None:
        """Put a record in place of one that has no end still; its events stay as they are, so that
        whoever has the rest of them tells the truth later. Raises SipAgentError.
        """
        with answering():
            async with self._database.begin() as connection:
                known = select(CALLS.c.ended).where(CALLS.c.call_id == record.call_id)
                if await connection.scalar(known.with_for_update()) is None:
                    await put_records(connection, [record], node)

    async def _rows(self, wanted: Select[Any]) -> list[Any]:
        with answering():
            async with self._reading, self._database.begin() as connection:
                return list((await connection.execute(wanted)).all())

    async def _write_for_ever(self) -> None:
        async for batch in self._batches():
            self._ahead.turn(failing=self._failing)
            kept = [item.kept for item in batch]
            self._remember(kept)
            if not await self._write(kept):
                self._missed(batch)
            self._forget(kept)
            self._ahead.written(kept[-1].position)
            if self._ahead.left and not self._failing:
                await self._take_in()
            for _ in batch:
                self._queue.task_done()

    async def _batches(self) -> AsyncIterator[list[_Item]]:
        """What came in the time a batch gathers. Whenever nothing does, the database is offered
        what it has missed.
        """
        while True:
            try:
                async with asyncio.timeout(AGAIN if self._ahead.behind else None):
                    batch = [await self._queue.get()]
            except TimeoutError:
                if self._queue.empty():
                    self._ahead.turn(failing=False)
                    self._ahead.written(self._positions.last)
                    await self._take_in()
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), GATHER)
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            yield batch

    async def _take_in(self) -> None:
        """Write what the database has not got, but nothing twice; it goes on where it left off."""
        for path in tuple(self._ahead.left):
            try:
                events = read_kept(path)
                while batch := list(islice(events, BATCH)):
                    if not await self._write(batch):
                        return
            except OSError as error:
                _log.error("events_not_taken_in", path=str(path), cause=str(error))
                self._ahead.left.remove(path)  # it is there for the next start
                continue
            self._ahead.done(path)

    async def _write(self, batch: Sequence[Kept]) -> bool:
        try:
            async with self._database.begin() as connection:
                await self._insert(connection, batch)
        except (*ERRORS, ValueError) as error:
            # ValueError: a call with a row that cannot be read must not end the writer
            self._fail(cause_of(error))
            return False
        if self._failing:
            _log.info("store_recovered")
            self._failing = False
        return True

    async def _insert(self, connection: AsyncConnection, batch: Sequence[Kept]) -> None:
        if any(kept.older for kept in batch):
            batch = [kept for kept in batch if not await _is_there(connection, kept)]
        if batch:
            await put_events(connection, batch)
        changed = {k.event.call_id for k in batch if isinstance(k.event, _MILESTONES)}
        records = [
            fold(self._live.get(call_id) or await get_events(connection, call_id))
            for call_id in changed
        ]
        await put_records(connection, records, self.node)

    def _remember(self, batch: Iterable[Kept]) -> None:
        """Keep what records are folded from, so that no call is read back while it runs."""
        for happened in (kept.event for kept in batch):
            if isinstance(happened, CallStarted):
                self._live[happened.call_id] = [happened]
            elif happened.call_id in self._live and not isinstance(happened, SipMessage):
                self._live[happened.call_id].append(happened)

    def _forget(self, batch: Iterable[Kept]) -> None:
        for kept in batch:
            if isinstance(kept.event, CallEnded):
                self._live.pop(kept.event.call_id, None)

    def _fail(self, cause: str) -> None:
        # once, not for every batch of a long outage
        if not self._failing:
            _log.error("store_failed", cause=cause, kept=str(self._ahead.prefix.parent))
            self._failing = True

    def _missed(self, batch: Sequence[_Item]) -> None:
        self._ahead.missed(batch[-1].kept.position)
        if lost := sum(not item.safe for item in batch):
            _log.critical("events_lost", cause="neither the disk nor the database", count=lost)


async def _is_there(connection: AsyncConnection, kept: Kept) -> bool:
    """Does the database have an event that says the same? For what has no position."""
    known = await get_events(connection, kept.event.call_id)
    return any(event == kept.event for event in known)
