"""Binding book: where phones can be reached, shared by all nodes of a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from sipagent.errors import SipAgentError

from .database import Database
from .dialects import clock_of, insert_into
from .tables import BINDINGS

Value = Mapping[str, Any]
#: seconds a phone that is gone is remembered, so that every node hears of it
_REMEMBERED = 3600.0


class BindingsAway(SipAgentError):
    """The database does not answer: nobody knows what other nodes were told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One phone: what it holds, as of which change (0: nobody ever wrote it), and the database's
    own time (seconds since 1970), by which `held` says until when.
    """

    extension: str
    held: Sequence[Value]
    change: int
    now: float


class BindingBook:
    """Every method raises BindingsAway where the database does not answer within `patience`
    seconds.
    """

    def __init__(self, url: str, *, patience: float = 2.0) -> None:
        """`url` is SQLAlchemy's, with an async driver. Raises ConfigError."""
        self._database = Database(url)
        self._now = clock_of(self._database.engine)
        self._patience = patience

    async def read(self, extension: str) -> Row:
        """One phone."""
        columns = (BINDINGS.c.held, BINDINGS.c.change, self._now)
        async with self._database.within(self._patience, BindingsAway) as connection:
            asked = select(*columns).where(BINDINGS.c.extension == extension)
            found = (await connection.execute(asked)).one_or_none()
            if found is None:
                now = (await connection.execute(select(self._now))).scalar_one()
                return Row(extension, (), 0, float(now))
            return Row(extension, found[0], found[1], float(found[2]))

    async def changed(self, since: float) -> tuple[Sequence[Row], float]:
        """Every phone of which something was written from that moment on, and the time now."""
        columns = (BINDINGS.c.extension, BINDINGS.c.held, BINDINGS.c.change)
        async with self._database.within(self._patience, BindingsAway) as connection:
            now = float((await connection.execute(select(self._now))).scalar_one())
            asked = select(*columns).where(BINDINGS.c.written >= since)
            rows = (await connection.execute(asked)).all()
            return [Row(row[0], row[1], row[2], now) for row in rows], now

    async def write(self, row: Row, held: Sequence[Value]) -> bool:
        """Have it hold that; False where somebody wrote it after `row` was read."""
        until = max((float(one["until"]) for one in held), default=row.now)
        new = {
            "held": list(held),
            "change": row.change + 1,
            "until": until,
            "written": self._now,
        }
        async with self._database.within(self._patience, BindingsAway) as connection:
            if row.change == 0:
                first = insert_into(self._database.engine, BINDINGS)
                made = first.values(extension=row.extension, **new).on_conflict_do_nothing()
            else:
                same = (BINDINGS.c.extension == row.extension, BINDINGS.c.change == row.change)
                made = update(BINDINGS).where(*same).values(**new)
            return bool((await connection.execute(made)).rowcount)

    async def forget(self) -> int:
        """Rows of phones that have been gone for an hour; how many they were."""
        gone = BINDINGS.c.until < self._now - _REMEMBERED
        async with self._database.within(self._patience, BindingsAway) as connection:
            return (await connection.execute(delete(BINDINGS).where(gone))).rowcount

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()
