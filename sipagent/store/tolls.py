"""Toll book: daily sums of outbound calls, kept over a restart."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date

import structlog
from sqlalchemy import Date, Float, Integer, String, delete, insert, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .records import PATIENCE, engine_for, probe

_log = structlog.get_logger(__name__)
_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError)
#: calls and seconds of one caller or trunk on one day
Kept = tuple[int, float]


class _Tables(DeclarativeBase):
    pass


class _Toll(_Tables):
    __tablename__ = "tolls"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    payer: Mapped[str] = mapped_column(String(256), primary_key=True)
    calls: Mapped[int] = mapped_column(Integer)
    seconds: Mapped[float] = mapped_column(Float)


_TOLLS = _Tables.metadata.tables["tolls"]


class TollBook:
    """A table beside the calls. A database that does not answer costs memory, never a call."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's, with an async driver. Raises ConfigError."""
        self._engine = engine_for(url)

    async def read(self, day: date) -> dict[str, Kept]:
        """What was kept of a day, by payer; nothing where the database does not answer."""
        try:
            async with asyncio.timeout(PATIENCE), self._connected() as connection:
                await connection.run_sync(_Tables.metadata.create_all)
                rows = await connection.execute(
                    select(_TOLLS.c.payer, _TOLLS.c.calls, _TOLLS.c.seconds).where(
                        _TOLLS.c.day == day
                    )
                )
                return {row.payer: (row.calls, row.seconds) for row in rows}
        except _ERRORS as error:
            _log.error("toll_book_not_read", cause=str(error) or type(error).__name__)
            return {}

    async def write(self, sums: Mapping[tuple[date, str], Kept]) -> bool:
        """Put these in place of what was there. False where the database does not answer."""
        rows = [
            {"day": day, "payer": payer[:256], "calls": calls, "seconds": seconds}
            for (day, payer), (calls, seconds) in sums.items()
        ]
        if not rows:
            return True
        keys = [(row["day"], row["payer"]) for row in rows]
        try:
            async with asyncio.timeout(PATIENCE), self._connected() as connection:
                await connection.execute(
                    delete(_TOLLS).where(tuple_(_TOLLS.c.day, _TOLLS.c.payer).in_(keys))
                )
                await connection.execute(insert(_TOLLS), rows)
        except _ERRORS as error:
            _log.error("toll_book_not_written", cause=str(error) or type(error).__name__)
            return False
        return True

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        await asyncio.to_thread(probe, self._engine.url)
        async with self._engine.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Let go of the database."""
        await self._engine.dispose()
