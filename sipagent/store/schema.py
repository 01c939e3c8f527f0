"""Schema: which migrations a database has had, which there are, and what follows from it."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sipagent.errors import SipAgentError

MIGRATIONS = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_\w+\.py")
#: migrations there are, by number: the first made the tables of the first release
REVISIONS = tuple(
    sorted(found[1] for path in (MIGRATIONS / "versions").iterdir()
           if (found := _NAME.fullmatch(path.name)))
)  # fmt: skip
HEAD = REVISIONS[-1]
#: before the first: no table at all
BASE = "base"
#: how long a database of years may take over its migrations, or wait for another gateway's, seconds
LONGEST = 3600.0
#: "sipa" and "gent" together, in PostgreSQL's space of advisory locks
_LOCK = 0x73697061_67656E74
_log = structlog.get_logger(__name__)
#: held while a migration runs; loops of several threads may want one
_MIGRATING = threading.Lock()
_LOOK = 0.02

#: told of each step: from which revision, to which, and what it does
Told = Callable[[str, str, str], None]


class SchemaNewer(SipAgentError):
    """A later release has been at this database."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"the database has schema {found}, and this release knows schemas up to {HEAD}: run "
            f"the release that made it, or let that one do `sipagent database downgrade {HEAD}`"
        )


class SchemaOlder(SipAgentError):
    """The database waits for its upgrade."""

    def __init__(self, found: str) -> None:
        self.found = found
        has = "has no tables of ours yet" if found == BASE else f"has schema {found}"
        super().__init__(
            f"the database {has}, and this release needs schema {HEAD}: start the server, or run "
            "`sipagent database upgrade`"
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A migration: its number, and what it does, in a line."""

    revision: str
    what: str


def revision_of(connection: Connection) -> str:
    """The schema a database has: BASE for none of ours. One whose tables were made before there
    were migrations has the first, or is about to.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if found is not None:
            return str(found)
    return BASE


async def must_be_ours(connection: AsyncConnection, *, older: bool) -> bool:
    """True where the schema is this release's; False where it is older and may be. Raises
    SchemaNewer, and SchemaOlder where it may not.
    """
    found = await connection.run_sync(revision_of)
    if found == HEAD:
        return True
    if found != BASE and found not in REVISIONS:
        raise SchemaNewer(found)
    if not older:
        raise SchemaOlder(found)
    return False


async def migrated(engine: AsyncEngine, to: str = HEAD, told: Told | None = None) -> None:
    """Bring a database to a revision, up or down: wholly or, failing that, not at all. Whoever
    comes second waits. Raises SchemaNewer, SQLAlchemyError, TimeoutError.
    """
    async with (
        asyncio.timeout(LONGEST),
        _alone(),
        engine.connect() as connection,
        _locked(connection),
    ):
        found = await connection.run_sync(revision_of)
        if found not in (BASE, *REVISIONS):
            raise SchemaNewer(found)
        if found != to:
            # Alembic takes 100 ms to import, and is wanted once a release
            run: Callable[..., None] = import_module("sipagent.store.migrations.running").run
            # a database that is made has nothing to tell of
            usual = _untold if found == BASE else _logged
            await connection.run_sync(run, found, to, told or usual)
        await connection.commit()


def steps(after: str = BASE) -> list[Step]:
    """Migrations that are left after a revision, the next first."""
    known: Callable[[], list[Any]] = import_module("sipagent.store.migrations.running").known
    return [Step(number, what) for number, what in known() if after == BASE or number > after]


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Nobody else in this process migrates any database: what a migration calls by, Alembic's `op`,
    is one for all, and its connection changes hands with every statement that is waited for.
    """
    while not _MIGRATING.acquire(blocking=False):  # noqa: ASYNC110 - of any thread
        await asyncio.sleep(_LOOK)
    try:
        yield
    finally:
        _MIGRATING.release()


@asynccontextmanager
async def _locked(connection: AsyncConnection) -> AsyncIterator[None]:
    """A transaction in which nobody else migrates: to wait, and to work, for longer than the
    statements of calls may.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield
        return
    usual = await connection.scalar(text("PRAGMA busy_timeout"))
    await connection.execute(text(f"PRAGMA busy_timeout={LONGEST * 1000:.0f}"))
    try:
        # sqlite3 begins no transaction for DDL by itself
        await connection.execute(text("BEGIN IMMEDIATE"))
        yield
    finally:
        await connection.execute(text(f"PRAGMA busy_timeout={usual}"))


def _logged(before: str, after: str, what: str) -> None:
    _log.info("database_migrated", before=before, after=after, what=what)


def _untold(before: str, after: str, what: str) -> None:
    pass
