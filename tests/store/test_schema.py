"""The schema: migrations agree with the tables, and a database of any release is brought along."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.errors import SipAgentError
from sipagent.events import CallEnded, CallStarted
from sipagent.store.database import Database, engine_for
from sipagent.store.memories import MemoryBook
from sipagent.store.records import Store
from sipagent.store.schema import (
    BASE,
    HEAD,
    REVISIONS,
    SchemaNewer,
    SchemaOlder,
    migrated,
    revision_of,
    steps,
)
from sipagent.store.tables import METADATA
from sipagent.testing.postgres import postgres


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = engine_for(url)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def schema_of(url: str) -> str:
    async with connected(url) as connection:
        return await connection.run_sync(revision_of)


async def go(url: str, to: str) -> list[tuple[str, str]]:
    """Migrate, and say by which steps."""
    went: list[tuple[str, str]] = []
    engine = engine_for(url)
    try:
        await migrated(engine, to, lambda before, after, what: went.append((before, after)))
    finally:
        await engine.dispose()
    return went


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def test_migrations_are_numbered_without_a_gap_and_have_one_head() -> None:
    assert [f"{n:04}" for n in range(1, len(REVISIONS) + 1)] == list(REVISIONS)
    assert [step.revision for step in steps()] == list(REVISIONS)
    assert all(step.what for step in steps())
    assert steps(HEAD) == []


async def test_migrations_make_the_tables_the_program_knows(database: str) -> None:
    ends = [BASE, *REVISIONS]
    assert await go(database, HEAD) == list(zip(ends, REVISIONS, strict=False))
    async with connected(database) as connection:
        assert await connection.run_sync(differences) == []


async def test_what_went_up_comes_down_to_nothing(database: str) -> None:
    await go(database, HEAD)
    assert (await go(database, BASE))[-1] == ("0001", BASE)
    async with connected(database) as connection:
        tables = await connection.run_sync(lambda c: c.dialect.get_table_names(c))
    assert tables == ["alembic_version"]


async def test_several_that_start_at_once_migrate_once(database: str) -> None:
    servers = [Database(database) for _ in range(4)]
    await asyncio.gather(*(server.prepare() for server in servers))
    for server in servers:
        await server.close()
    assert await schema_of(database) == HEAD


async def test_several_databases_are_migrated_at_once_each_its_own_way(tmp_path: Path) -> None:
    urls = [f"sqlite+aiosqlite:///{tmp_path}/{number}.sqlite3" for number in range(4)]
    went = await asyncio.gather(*(go(url, HEAD) for url in urls))
    assert [steps[-1][1] for steps in went] == [HEAD] * 4
    for url in urls:
        async with connected(url) as connection:
            assert await connection.run_sync(differences) == []


async def test_a_database_of_the_release_without_migrations_is_taken_along(database: str) -> None:
    """Its memories' table was made with the first memory: here there was none yet."""
    await go(database, "0001")
    async with connected(database) as connection:
        for table in ("alembic_version", "memories"):
            await connection.execute(text(f"DROP TABLE {table}"))
        await connection.execute(
            text("INSERT INTO tolls VALUES ('2026-03-02', 'caller 201', 3, 61.5)")
        )
    book = MemoryBook(database, b"secret")
    await book.keep("+441632960001", "plan/desk", "Likes red.", days=9, most=100)
    assert len(await book.all()) == 1
    await book.close()
    assert await schema_of(database) == HEAD
    async with connected(database) as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.scalar(text("SELECT calls FROM tolls")) == 3


async def test_a_database_of_a_later_release_is_refused_at_start(
    database: str, tmp_path: Path
) -> None:
    await go(database, HEAD)
    async with connected(database) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    store = Store(database, tmp_path / "spool.jsonl")
    with pytest.raises(SchemaNewer, match="run the release that made it"):
        await store.open()
    await store.close()
    with pytest.raises(SchemaNewer):
        await go(database, BASE)


async def test_who_only_reads_changes_nothing(database: str, tmp_path: Path) -> None:
    store = Store(database, tmp_path / "spool.jsonl")
    with pytest.raises(SchemaOlder, match="has no tables of ours yet"):
        await store.search()
    assert await schema_of(database) == BASE
    await store.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(database: str) -> None:
    async with connected(database) as connection:  # somebody else's
        await connection.execute(text("CREATE TABLE calls (unlike INTEGER)"))
    with pytest.raises(Exception, match="started"):
        await go(database, HEAD)
    async with connected(database) as connection:
        tables = await connection.run_sync(lambda c: c.dialect.get_table_names(c))
    assert tables == ["calls"]


async def test_a_database_that_is_away_at_start_is_made_when_it_comes(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    url = f"sqlite+aiosqlite:///{folder / 'calls.sqlite3'}"
    store = Store(url, tmp_path / "spool.jsonl")
    await store.open()
    folder.mkdir()
    store.append(CallStarted(call_id="c1", caller="sip:a@x", callee="sip:b@y"))
    store.append(CallEnded(call_id="c1"))
    await store.close()
    assert await schema_of(url) == HEAD


@pytest.mark.peer
async def test_a_database_that_is_refused_is_told_in_one_line_without_the_password(
    tmp_path: Path,
) -> None:
    async with postgres() as url:
        store = Store(url.replace("postgres@/", "nobody:s3cret@/"), tmp_path / "spool.jsonl")
        with pytest.raises(SipAgentError) as caught:
            await store.search()
        await store.close()
    assert str(caught.value) == 'the database does not answer: role "nobody" does not exist'
