"""Dialects: what PostgreSQL and SQLite say in words of their own."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

#: seconds since 1970, at this moment: not as of the transaction's beginning
_CLOCKS = {
    "postgresql": "extract(epoch from clock_timestamp())",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}
_INSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def clock_of(engine: AsyncEngine) -> ColumnElement[float]:
    """The database's own clock, which all nodes share: seconds since 1970."""
    return literal_column(_CLOCKS[engine.url.get_backend_name()], Float(53))


def insert_into(engine: AsyncEngine, table: Table) -> Any:
    """An INSERT that can be told what to do where the row is there (`on_conflict_do_nothing`)."""
    return _INSERTS[engine.url.get_backend_name()](table)


def utc(moment: Any) -> datetime:
    """SQLite gives times back without their zone: they went in as UTC."""
    known: datetime = moment
    return known.replace(tzinfo=UTC) if known.tzinfo is None else known.astimezone(UTC)
