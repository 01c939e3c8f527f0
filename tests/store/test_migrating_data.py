"""Migrations with data in them: from every schema that was released, down, and up again."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from sipagent.call.cdr import fold
from sipagent.call.search import Search
from sipagent.events import Event
from sipagent.store.database import engine_for
from sipagent.store.memories import MemoryBook
from sipagent.store.records import Store
from sipagent.store.schema import BASE, HEAD, REVISIONS, migrated
from sipagent.store.tables import METADATA
from sipagent.store.tolls import TollBook

SCHEMAS = Path(__file__).parent / "schemas"
#: columns that are filled from what an older schema has
REFILLED = {"calls": {"direction", "ended", "ended_by", "duration"}}
#: rows by table: each is its columns' values by name
Rows = dict[str, list[dict[str, Any]]]


@asynccontextmanager
async def engine_of(url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(url)
    try:
        yield engine
    finally:
        await engine.dispose()


async def load(url: str, script: str) -> None:
    """Run the SQL of a dump."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parsed.database))) as file:
            file.executescript(script)
        return
    host = str(parsed.query["host"])
    connection = await asyncpg.connect(host=host, user=parsed.username, database=parsed.database)
    await connection.execute(script)
    await connection.close()


async def copied(url: str, folder: Path, calls: list[list[Event]]) -> None:
    store = Store(url, folder / "events.jsonl")
    await store.open()
    for call in calls:
        for event in call:
            store.append(event)
    await store.close()


async def check(url: str, folder: Path, calls: list[list[Event]]) -> None:
    """Every call is read back as it was."""
    store = Store(url, folder / "events.jsonl")
    await store.open()
    try:
        for call in calls:
            assert await store.events(call[0].call_id) == call
            assert await store.call(call[0].call_id) == fold(call)
    finally:
        await store.close()


@pytest.mark.parametrize("schema", ["0001"])
async def test_a_released_schema_is_brought_along_with_its_data(
    schema: str,
    database: str,
    tmp_path: Path,
    busy_call: list[Event],
    private_call: list[Event],
    chatting: Callable[[int], list[Event]],
) -> None:
    kind = make_url(database).get_backend_name()
    await load(database, (SCHEMAS / f"{schema}.{kind}.sql").read_text())
    living = [
        event.model_copy(update={"call_id": "20260302-110000-0badcafe"})
        for event in chatting(60)[:-1]
    ]
    await check(database, tmp_path, [busy_call, private_call, living])

    store = Store(database, tmp_path / "events.jsonl")
    for search, found in [
        (Search(state="live"), ["20260302-110000-0badcafe"]),
        (Search(ended_by="caller"), [private_call[0].call_id]),
        (Search(ended_by="agent", min_duration=27), [busy_call[0].call_id]),
        (Search(direction="inbound", text="opening hours"), [busy_call[0].call_id]),
    ]:
        assert [cdr.call_id for cdr in (await store.search(search)).calls] == found
    await store.close()
    tolls, memories = TollBook(database), MemoryBook(database, b"secret")
    assert (await tolls.read(date(2026, 3, 2)))["caller 201"] == (3, 61.5)
    assert (await memories.recall("+441632960001", "plan/desk")).endswith("Likes red.")
    await tolls.close()
    await memories.close()


def rows_of(connection: Connection) -> Rows:
    """What stands in every table, in an order of its own; of positions, only the order."""
    found = MetaData()
    found.reflect(connection)
    rows: Rows = {}
    for name, table in found.tables.items():
        if name != "alembic_version":
            order = [table.c.position] if "position" in table.c else []
            read = connection.execute(select(table).order_by(*order, *table.primary_key)).all()
            rows[name] = [dict(row._mapping) for row in read]
    for row in rows.get("events", ()):
        row.pop("position", row.pop("id", None))
    return rows


def columns_of(connection: Connection) -> dict[str, set[str]]:
    looked = inspect(connection)
    return {
        table: {column["name"] for column in looked.get_columns(table)}
        for table in looked.get_table_names()
    }


def value_for(column: Column[Any], number: int) -> object:
    """Something a column takes, another one for each number."""
    kinds: list[tuple[type[Any], object]] = [
        (Boolean, bool(number % 2)),
        (Integer, number),
        (Float, number / 2),
        (DateTime, datetime(2026, 3, 2, 9, number, tzinfo=UTC)),
        (Date, date(2026, 3, 1 + number)),
        (JSON, {"number": number}),
        (LargeBinary, bytes([number])),
    ]
    return next((value for kind, value in kinds if isinstance(column.type, kind)), f"w{number}")


def fill(connection: Connection) -> None:
    """Rows for the tables that have none yet, whatever their columns are."""
    for table in METADATA.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is None:
            rows = [
                {column.name: value_for(column, number) for column in table.columns}
                for number in range(1, 8)
            ]
            connection.execute(insert(table), rows)


async def test_every_migration_goes_down_and_up_with_data(
    database: str, tmp_path: Path, busy_call: list[Event], private_call: list[Event]
) -> None:
    calls = [
        [event.model_copy(update={"call_id": f"call{number:02}"}) for event in call]
        for number, call in enumerate([busy_call, private_call] * 20)
    ]
    assert sum(map(len, calls)) > 2_000
    await copied(database, tmp_path, calls)
    async with engine_of(database) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(fill)
            rows = await connection.run_sync(rows_of)
        assert rows.keys() == METADATA.tables.keys() and all(rows.values())
        for revision in reversed(REVISIONS):
            await migrated(engine, revision)
            async with engine.connect() as connection:
                there = await connection.run_sync(columns_of)
            await migrated(engine, HEAD)
            async with engine.connect() as connection:
                after = await connection.run_sync(rows_of)
            for table in there.keys() & rows.keys():
                kept = there[table] | REFILLED.get(table, set())
                for before, row in zip(rows[table], after[table], strict=True):
                    for column in kept & before.keys():
                        assert row[column] == before[column], f"{table}, back from {revision}"
    await check(database, tmp_path, calls)
    async with engine_of(database) as engine:
        await migrated(engine, BASE)
        await migrated(engine, HEAD)
        async with engine.connect() as connection:
            assert not any((await connection.run_sync(rows_of)).values())
