"""Database: one engine, made ready at its first use, and what it says when it fails."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sipagent.errors import ConfigError, Finding, SipAgentError

from .schema import migrated, must_be_ours

#: how long the database may take over an answer, seconds
PATIENCE = 10.0
#: what a database that fails raises, and one that is too old or too new
ERRORS = (
    *(SQLAlchemyError, sqlite3.Error, OSError, TimeoutError, SipAgentError),
    # what happens before there is a connection comes as the driver has it
    *(asyncpg.PostgresError, asyncpg.InterfaceError),
)
#: a connection whose transaction is forgotten (a machine that sleeps) must hold no row for ever
_IDLE_MS = 60_000
#: attempts to have a SQLite file write ahead
_SWITCHES = 10
#: what a URL may say behind its "?"
_POSTGRES_KEYS = frozenset(
    {
        *("host", "port", "ssl", "target_session_attrs", "passfile", "service", "servicefile"),
        *("krbsrvname", "gsslib", "prepared_statement_cache_size"),
    }
)


class Database:
    """An engine with few connections. `upgrade` says whether an older schema is brought up to date
    by the first that uses it; otherwise it is refused, as a newer one is.
    """

    def __init__(self, url: str, *, connections: int = 2, upgrade: bool = True) -> None:
        """`url` is SQLAlchemy's, with an async driver. Raises ConfigError when it is not one."""
        self.engine = engine_for(url, connections)
        self.upgrade = upgrade
        self._ready = False
        self._preparing = asyncio.Lock()

    async def prepare(self) -> None:
        """Make sure once that the schema is ours. Raises one of ERRORS."""
        async with self._preparing:
            if not self._ready:
                await asyncio.to_thread(probe, self.engine.url)
                async with asyncio.timeout(PATIENCE), self.engine.connect() as connection:
                    ours = await must_be_ours(connection, older=self.upgrade)
                if not ours:
                    await migrated(self.engine)
                self._ready = True

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction of its own. Raises one of ERRORS."""
        await self.prepare()
        async with asyncio.timeout(PATIENCE), self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def within(
        self, patience: float, away: type[SipAgentError]
    ) -> AsyncIterator[AsyncConnection]:
        """As `begin`, for so many seconds at most. Raises `away` where it does not answer."""
        try:
            async with asyncio.timeout(patience), self.begin() as connection:
                yield connection
        except ERRORS as error:
            why = cause_of(error, min(patience, PATIENCE))
            raise away(f"the database does not answer: {why}") from error

    async def close(self) -> None:
        """Let go of the database. Idempotent."""
        await self.engine.dispose()


class Written(str):
    """JSON that is text already, for a column of JSON."""

    __slots__ = ()


@contextmanager
def answering() -> Iterator[None]:
    """What a database that fails raises comes out as a SipAgentError with its cause."""
    try:
        yield
    except SipAgentError:
        raise
    except ERRORS as error:
        raise SipAgentError(f"the database does not answer: {cause_of(error)}") from error


def cause_of(error: BaseException, patience: float = PATIENCE) -> str:
    """What a database said, in a line without what was to be written; `patience` is how long it
    was waited for, seconds.
    """
    if isinstance(error, TimeoutError):
        return f"no answer within {patience:g} seconds"
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    # further lines of PostgreSQL's (DETAIL, CONTEXT) quote rows
    first = (str(error) or type(error).__name__).partition("\n")[0]
    # SQLAlchemy's own driver names the class before the words
    return first.partition(">: ")[2] if first.startswith("<class ") else first


def engine_for(url: str, connections: int = 2) -> AsyncEngine:
    """An engine for a database of the settings. Raises ConfigError."""
    try:
        parsed = make_url(url)
        more = _postgres(parsed, connections) if parsed.get_backend_name() == "postgresql" else {}
        # an error's text would quote what was to be written, transcripts among it
        engine = create_async_engine(parsed, hide_parameters=True, json_serializer=_json, **more)
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        # the rest of it may hold a password
        kind = url.partition("://")[0]
        wrong = f"{kind!r} is not a database this server can use: {error}"
        raise ConfigError([_finding(wrong)]) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", _write_ahead)
    return engine


def _postgres(url: URL, connections: int) -> dict[str, Any]:
    for key in url.query:
        if key not in _POSTGRES_KEYS:
            wrong = f"{key!r} is not something a URL of PostgreSQL says here"
            hint = "ssl" if key == "sslmode" else ", ".join(sorted(_POSTGRES_KEYS))
            raise ConfigError([_finding(wrong, f"it takes {hint}")])
    milliseconds = str(round(PATIENCE * 1000))
    return {
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": PATIENCE,
        # a server that was restarted is noticed before, not by, the next statement
        "pool_pre_ping": True,
        "connect_args": {
            "timeout": PATIENCE / 2,
            "server_settings": {
                "application_name": "sipagent",
                "statement_timeout": milliseconds,
                "idle_in_transaction_session_timeout": str(_IDLE_MS),
            },
        },
    }


def _json(value: Any) -> str:
    return value if isinstance(value, Written) else json.dumps(value)


def _finding(wrong: str, hint: str = "") -> Finding:
    return Finding("sipagent.yaml", 1, "store.database", wrong, hint=hint)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for any other, or one in memory."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database)).absolute()


def probe(url: URL) -> None:
    """SQLite: fail here where the file cannot be opened. aiosqlite would leave the thread of a
    failed connection behind, to speak to a loop that may be closed by then.
    """
    if url.get_backend_name() == "sqlite" and url.database:
        sqlite3.connect(url.database, uri=url.database.startswith("file:")).close()


def _write_ahead(connection: Any, _: Any) -> None:
    """SQLite: readers (the API, a backup) never block the writer, nor it them; what is deleted is
    overwritten, and what is free can be given back to the disk.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of a file that has no table yet
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    _switch(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _switch(cursor: Any) -> None:
    """To the write-ahead log. Where others do it to a new file at this moment SQLite refuses at
    once; a transaction of our own waits for theirs.
    """
    for _ in range(_SWITCHES):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("COMMIT")
    cursor.execute("PRAGMA journal_mode=WAL")
