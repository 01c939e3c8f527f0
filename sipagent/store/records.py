"""Store: calls and their events in a database, written behind the calls' backs."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Select, delete, event, insert, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    async_sessionmaker,
    create_async_engine,
)

from sipagent.call.cdr import Cdr, fold
from sipagent.call.search import Search
from sipagent.errors import ConfigError, Finding, SipAgentError
from sipagent.events import ANY_EVENT, CallEnded, CallStarted, Event, LegChanged, SipMessage

from .ahead import Ahead, read_events
from .search import Page, page_of, query
from .tables import CALLS, EVENTS, METADATA

#: events waiting to be written; what comes while it is full goes to the spool
QUEUE = 10_000
BATCH = 500
#: how long a batch gathers, and how long the database may take over it, seconds. A batch costs
#: the loop milliseconds however small it is
GATHER, PATIENCE = 0.5, 10.0
#: searches at a time: of the five connections an engine keeps
READERS = 3
#: events that change what the list of calls shows
_MILESTONES = (CallStarted, LegChanged, CallEnded)
#: all of them
EVERY = Search()
_log = structlog.get_logger(__name__)


class Store:
    """`append` never waits and never fails; one task writes what it was given, in batches.

    What the database does not take, for whatever reason, goes to `spool`, a JSON Lines file that
    the next `open` reads back in. What it has not got yet is kept beside it, for the `open` after
    a kill.
    """

    def __init__(self, url: str, spool: Path) -> None:
        """`url` is SQLAlchemy's, with an async driver. Raises ConfigError when it is not one."""
        self._engine = engine_for(url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._spool = spool
        self._ahead = Ahead(spool)
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE)
        #: set while nobody wants to wait until a batch has gathered
        self._hurry = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        #: events of the calls that run; a call ends in time, its worker does too
        self._live: dict[str, list[Event]] = {}
        #: who reads must leave connections to who writes
        self._reading = asyncio.Semaphore(READERS)
        self._ready = False
        self._failing = False

    async def open(self) -> None:
        """Create what is missing, take the spool back in, start writing.

        A database that cannot be reached now is tried again with every batch.
        """
        left = [path for path in (self._spool, *self._ahead.left()) if path.exists()]
        events = [event for path in left for event in read_events(path)]
        if await self._take_in(events):
            for path in left:
                path.unlink(missing_ok=True)
        self._ahead.open()
        self._writer = asyncio.create_task(self._write_for_ever())

    def append(self, happened: Event) -> None:
        """Take an event; returns at once, when it is safe from a kill."""
        self._ahead.write(happened)
        try:
            self._queue.put_nowait(happened)
        except asyncio.QueueFull:
            self._fail("the queue is full")
            self._to_spool([happened])

    @property
    def waiting(self) -> int:
        """Events that are not in the database yet."""
        return self._queue.qsize()

    @property
    def failing(self) -> bool:
        """True while the database takes nothing."""
        return self._failing

    async def flush(self) -> None:
        """Wait until everything appended so far is in the database, or in the spool."""
        self._hurry.set()
        await self._queue.join()
        self._hurry.clear()

    async def close(self) -> None:
        """Write what is left and let go of the database."""
        if self._writer is not None:
            await self.flush()
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        self._ahead.close()
        await self._engine.dispose()

    async def search(self, wanted: Search = EVERY, limit: int = 50, after: str = "") -> Page:
        """A page of records, the newest first, from the place `after` on, as the page before told
        it. Raises BadCursor, and SipAgentError when the database does not answer.
        """
        return page_of(await self._rows(query(wanted, limit, after)), limit)

    async def call(self, call_id: str) -> Cdr | None:
        """One record, or None. Raises SipAgentError."""
        rows = await self._read(select(CALLS.c.record).where(CALLS.c.call_id == call_id))
        return Cdr.model_validate(rows[0]) if rows else None

    async def events(self, call_id: str) -> list[Event]:
        """Everything that happened in a call, in order. Raises SipAgentError."""
        wanted = select(EVENTS.c.data).where(EVENTS.c.call_id == call_id).order_by(EVENTS.c.id)
        return [ANY_EVENT.validate_python(row) for row in await self._read(wanted)]

    async def _read(self, wanted: Select[Any]) -> list[Any]:
        """One column of what there is."""
        return [row[0] for row in await self._rows(wanted)]

    async def _rows(self, wanted: Select[Any]) -> list[Any]:
        try:
            async with asyncio.timeout(PATIENCE), self._reading:
                await self._prepare()
                async with self._sessions() as session:
                    return list((await session.execute(wanted)).all())
        except (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            raise SipAgentError(f"the database does not answer: {error}") from error

    async def _write_for_ever(self) -> None:
        while True:
            batch = [await self._queue.get()]
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), GATHER)
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # all there is: the segment ends with this batch, or with an earlier one
            segment = self._ahead.turn() if self._queue.empty() else None
            self._remember(batch)
            if not await self._write(batch):
                self._to_spool(batch)
            self._forget(batch)
            if segment is not None:
                segment.unlink(missing_ok=True)
            for _ in batch:
                self._queue.task_done()

    async def _take_in(self, events: Sequence[Event]) -> bool:
        """Write what a server that is no more left behind, but nothing twice."""
        known: set[str] = set()
        try:
            for call_id in {event.call_id for event in events}:
                known.update(event.model_dump_json() for event in await self.events(call_id))
        except SipAgentError:
            return False
        new = {e.model_dump_json(): e for e in events if e.model_dump_json() not in known}
        return await self._write(list(new.values()))

    async def _write(self, batch: Sequence[Event]) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._prepare()
                async with self._engine.begin() as connection:
                    await self._insert(connection, batch)
        except (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            self._fail(str(error) or type(error).__name__)
            return False
        if self._failing:
            _log.info("store_recovered", spool=str(self._spool))
            self._failing = False
        return True

    async def _insert(self, connection: AsyncConnection, batch: Sequence[Event]) -> None:
        rows = [{"call_id": e.call_id, "data": e.model_dump(mode="json")} for e in batch]
        if rows:
            await connection.execute(insert(EVENTS), rows)
        changed = dict.fromkeys(e.call_id for e in batch if isinstance(e, _MILESTONES))
        records = [
            _row(fold(self._live.get(call_id) or await _known(connection, call_id)))
            for call_id in changed
        ]
        if records:
            # all at once, in any database: a merge asks it for every call by itself
            await connection.execute(delete(CALLS).where(CALLS.c.call_id.in_(changed)))
            await connection.execute(insert(CALLS), records)

    def _remember(self, batch: Iterable[Event]) -> None:
        """Keep what records are folded from, so that no call is read back while it runs."""
        for happened in batch:
            if isinstance(happened, CallStarted):
                self._live[happened.call_id] = [happened]
            elif happened.call_id in self._live and not isinstance(happened, SipMessage):
                self._live[happened.call_id].append(happened)

    def _forget(self, batch: Iterable[Event]) -> None:
        for happened in batch:
            if isinstance(happened, CallEnded):
                self._live.pop(happened.call_id, None)

    async def _prepare(self) -> None:
        if not self._ready:
            await asyncio.to_thread(probe, self._engine.url)
            async with self._engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)
            self._ready = True

    def _fail(self, cause: str) -> None:
        # once, not for every batch of a long outage
        if not self._failing:
            _log.error("store_failed", cause=cause, spool=str(self._spool))
            self._failing = True

    def _to_spool(self, batch: Iterable[Event]) -> None:
        lines = "".join(happened.model_dump_json() + "\n" for happened in batch)
        try:
            self._spool.parent.mkdir(parents=True, exist_ok=True)
            with self._spool.open("a", encoding="utf-8") as file:
                file.write(lines)
        except OSError as error:
            _log.critical("events_lost", cause=str(error), count=lines.count("\n"))


async def _known(connection: AsyncConnection, call_id: str) -> list[Event]:
    wanted = select(EVENTS.c.data).where(EVENTS.c.call_id == call_id).order_by(EVENTS.c.id)
    return [ANY_EVENT.validate_python(row) for row in await connection.scalars(wanted)]


def _row(record: Cdr) -> dict[str, Any]:
    return {
        "call_id": record.call_id,
        "started": record.started or record.ended,
        "caller": record.caller,
        "callee": record.callee,
        "plan": record.plan,
        "status": record.status,
        "record": record.model_dump(mode="json"),
    }


def engine_for(url: str) -> AsyncEngine:
    """An engine for a database of the settings. Raises ConfigError."""
    try:
        parsed = make_url(url)
        # an error's text would quote what was to be written, transcripts among it
        engine = create_async_engine(parsed, hide_parameters=True)
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        # the rest of it may hold a password
        kind = url.partition("://")[0]
        wrong = f"{kind!r} is not a database this server can use: {error}"
        raise ConfigError([Finding("sipagent.yaml", 1, "store.database", wrong)]) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", _write_ahead)
    return engine


def probe(url: URL) -> None:
    """SQLite: fail here where the file cannot be opened. aiosqlite would leave the thread of a
    failed connection behind, to speak to a loop that may be closed by then.
    """
    if url.get_backend_name() == "sqlite" and url.database:
        sqlite3.connect(url.database, uri=url.database.startswith("file:")).close()


def _write_ahead(connection: Any, _: Any) -> None:
    """SQLite: readers (the API, a backup) never block the writer, nor it them."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
