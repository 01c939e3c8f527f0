"""Removal: taking what is known of calls out of the database, a few calls at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.config import Retention
from sipagent.config.retention import KINDS, Kind
from sipagent.errors import SipAgentError
from sipagent.events import ANY_EVENT, Event

from .ahead import text_of
from .database import Database, Written, answering
from .dialects import utc
from .due import HOLD, Place, count_of, due
from .parties import Calls, calls_of
from .tables import CALLS, EVENTS, KEEPINGS, METADATA
from .traces import Who
from .writing import EVENT_TEXT

#: calls in a transaction: it holds up the writer of live calls for some milliseconds
STEP = 20
#: a call without an end that began so long ago is none that lives
_LONGEST = timedelta(days=2)
#: looks at the write-ahead log, and seconds between them
_LOOKS, _PAUSE = 20, 0.25
#: pages of SQLite given back at a time, and how often at most
_PAGES, _TIMES = 2_000, 200


@dataclass(frozen=True, slots=True)
class Hold:
    """A call that must not go, since when, by whom and why."""

    call_id: str
    at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Free:
    """Bytes of the database file that hold nothing and are used again; `given_back` to the disk
    just now.
    """

    unused: int = 0
    given_back: int = 0


class Removal:
    """An engine of its own beside the store's. What it cannot do raises SipAgentError."""

    def __init__(self, url: str, *, upgrade: bool = True) -> None:
        """`url` is SQLAlchemy's, with an async driver; `upgrade` as `Database` has it. Raises
        ConfigError.
        """
        self._database = Database(url, connections=2, upgrade=upgrade)
        self._is_sqlite = self._database.engine.url.get_backend_name() == "sqlite"

    async def due(
        self, kind: Kind, rules: Retention, now: datetime, after: Place | None = None
    ) -> list[Place]:
        """Calls of which this kind is past its time, the oldest first, from behind `after`: `STEP`
        of them at most.
        """
        wanted = due(kind, rules, now, now - _LONGEST, after)
        if wanted is None:
            return []
        async with self._connected() as connection:
            rows = (await connection.execute(wanted.limit(STEP))).all()
        return [(row.started, row.call_id) for row in rows]

    async def due_counts(self, rules: Retention, now: datetime) -> dict[Kind, int]:
        """How many calls that are, of each kind."""
        async with self._connected() as connection:
            return {
                kind: int(await connection.scalar(count_of(kind, rules, now, now - _LONGEST)) or 0)
                for kind in KINDS
            }

    async def delete(self, call_ids: Iterable[str]) -> Mapping[str, int]:
        """Delete calls with everything of them, a few in a transaction; rows by table."""
        counts = {"calls": 0, "events": 0}
        wanted = list(call_ids)
        for start in range(0, len(wanted), STEP):
            some = wanted[start : start + STEP]
            async with self._connected() as connection:
                for name, table in (("events", EVENTS), ("calls", CALLS), ("", KEEPINGS)):
                    gone = await connection.execute(delete(table).where(table.c.call_id.in_(some)))
                    if name:
                        counts[name] += gone.rowcount
        return counts

    async def count(self, call_ids: Iterable[str]) -> Mapping[str, int]:
        """Rows `delete` would take, by table."""
        counts = {"calls": 0, "events": 0}
        wanted = list(call_ids)
        async with self._connected() as connection:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                for name, table in (("calls", CALLS), ("events", EVENTS)):
                    known = select(func.count()).select_from(table).where(table.c.call_id.in_(some))
                    counts[name] += int(await connection.scalar(known) or 0)
        return counts

    async def on_record(self, call_ids: Iterable[str]) -> set[str]:
        """Those of these that there are."""
        known: set[str] = set()
        wanted = list(call_ids)
        async with self._connected() as connection:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                there = select(CALLS.c.call_id).where(CALLS.c.call_id.in_(some))
                known.update(await connection.scalars(there))
        return known

    async def calls_of(self, who: Who) -> Calls:
        """The calls one person had; see `parties`."""
        return await calls_of(self._database, who)

    async def rewrite(
        self, call_id: str, change: Callable[[Event], Event | None]
    ) -> Sequence[Event]:
        """Put something else, or nothing, in place of events of a call; all it has then."""
        left: list[Event] = []
        async with self._connected() as connection:
            place = EVENTS.c.position
            wanted = select(place, EVENT_TEXT).where(EVENTS.c.call_id == call_id).order_by(place)
            for position, said in (await connection.execute(wanted)).all():
                known = ANY_EVENT.validate_json(said)
                new = change(known)
                here = (EVENTS.c.call_id == call_id) & (place == position)
                if new is None:
                    await connection.execute(delete(EVENTS).where(here))
                    continue
                if new != known:
                    data = Written(text_of(new))
                    await connection.execute(update(EVENTS).where(here).values(data=data))
                left.append(new)
        return left

    async def mark(self, call_ids: Collection[str], kind: Kind) -> None:
        """That much of these calls is gone."""
        await self._mark(call_ids, kind)

    async def hold(self, call_id: str, by: str, why: str) -> bool:
        """Keep a call until it is released; False where there is no such call."""
        async with self._connected() as connection:
            known = select(CALLS.c.call_id).where(CALLS.c.call_id == call_id)
            if await connection.scalar(known) is None:
                return False
        await self._mark([call_id], HOLD, by, why)
        return True

    async def release(self, call_id: str) -> bool:
        """Let the rules have it again; False where it was not on hold."""
        async with self._connected() as connection:
            gone = await connection.execute(
                delete(KEEPINGS).where(KEEPINGS.c.call_id == call_id, KEEPINGS.c.kind == HOLD)
            )
            return gone.rowcount > 0

    async def holds(self) -> list[Hold]:
        """Every hold, the oldest first."""
        kept = KEEPINGS.c
        wanted = select(kept.call_id, kept.at, kept.by, kept.why).where(kept.kind == HOLD)
        async with self._connected() as connection:
            rows = (await connection.execute(wanted.order_by(kept.at, kept.call_id))).all()
        return [Hold(row.call_id, utc(row.at), row.by, row.why) for row in rows]

    async def settle(self) -> Free:
        """Leave nothing of what was deleted in the database's files: SQLite overwrites it when it
        deletes, and its write-ahead log is emptied here; PostgreSQL is told to vacuum. Raises
        SipAgentError where a reader keeps the log from being emptied.
        """
        if not self._is_sqlite:
            await self._vacuum()
            return Free()
        before = await self._pages()
        for _ in range(_TIMES):
            # a script, since one step of the statement frees one page
            await self._script(f"PRAGMA incremental_vacuum({_PAGES})")
            if (await self._pages())[1] == 0 or (await self._pages())[0] == before[0]:
                break
        for _ in range(_LOOKS):
            async with self._connected() as connection:
                [row] = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).all()
            if not row[0]:
                after = await self._pages()
                return Free(after[1] * after[2], max(0, before[0] - after[0]) * after[2])
            await asyncio.sleep(_PAUSE)
        raise SipAgentError(
            "what was deleted still stands in the database's write-ahead log: "
            "somebody reads the database; ask again when they are done"
        )

    async def compact(self) -> Free:
        """SQLite: write the whole file anew, and give what is free back to the disk; nobody else
        can write meanwhile.
        """
        if not self._is_sqlite:
            await self._vacuum()
            return Free()
        before = await self._pages()
        await self._script("PRAGMA auto_vacuum=INCREMENTAL; VACUUM")
        after = await self._pages()
        return Free(after[1] * after[2], max(0, before[0] - after[0]) * after[2])

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def _mark(
        self, call_ids: Collection[str], kind: str, by: str = "", why: str = ""
    ) -> None:
        now = datetime.now(UTC)
        rows = [
            {"call_id": call_id, "kind": kind, "at": now, "by": by[:256], "why": why}
            for call_id in call_ids
        ]
        if rows:
            async with self._connected() as connection:
                old = KEEPINGS.c.call_id.in_(call_ids), KEEPINGS.c.kind == kind
                await connection.execute(delete(KEEPINGS).where(*old))
                await connection.execute(insert(KEEPINGS), rows)

    async def _vacuum(self) -> None:
        """In no transaction, and for as long as it takes."""
        with answering():
            await self._database.prepare()
            async with self._database.engine.connect() as connection:
                plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await plain.execute(text("SET statement_timeout = 0"))
                await plain.execute(text(f"VACUUM {', '.join(METADATA.tables)}"))
                await plain.execute(text("RESET statement_timeout"))

    async def _script(self, script: str) -> None:
        """SQLite: statements in no transaction, for as long as it takes."""
        with answering():
            await self._database.prepare()
            async with self._database.engine.connect() as connection:
                raw = await connection.get_raw_connection()
                assert raw.driver_connection is not None
                await raw.driver_connection.executescript(script)

    async def _pages(self) -> tuple[int, int, int]:
        """SQLite: all, free, and bytes of each."""
        async with self._connected() as connection:
            all_, free, size = [
                int(await connection.scalar(text(f"PRAGMA {name}")) or 0)
                for name in ("page_count", "freelist_count", "page_size")
            ]
        return all_, free, size

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """In a transaction."""
        with answering():
            async with self._database.begin() as connection:
                yield connection
