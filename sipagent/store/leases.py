"""Lease book: what only one node at a time may have, a row each, by the database's own clock."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.errors import SipAgentError

from .database import Database
from .dialects import clock_of, insert_into
from .tables import LEASES


class LeasesAway(SipAgentError):
    """The database does not answer: nobody can say who holds what."""


@dataclass(frozen=True, slots=True)
class Held:
    """Who has a lease, for how many seconds more, and the how-manieth holder that is."""

    holder: str
    seconds: float
    term: int


class LeaseBook:
    """Every method raises LeasesAway where the database does not answer within `patience`
    seconds.
    """

    def __init__(self, url: str, *, patience: float = 2.0, upgrade: bool = False) -> None:
        """`url` is SQLAlchemy's, with an async driver. An older schema is left to whoever has
        more time than this, but with `upgrade`. Raises ConfigError.
        """
        self._database = Database(url, upgrade=upgrade)
        self._now = clock_of(self._database.engine)
        self._patience = patience

    async def take(self, name: str, holder: str, seconds: float) -> Held:
        """Have it for so many seconds from now on, where it is free or ours; whose it is then."""
        again = (LEASES.c.holder == holder) & (LEASES.c.until > self._now)
        change = (
            update(LEASES)
            .where(LEASES.c.name == name, (LEASES.c.until <= self._now) | again)
            .values(
                holder=holder,
                until=self._now + seconds,
                term=LEASES.c.term + case((again, 0), else_=1),
            )
        )
        async with self._database.within(self._patience, LeasesAway) as connection:
            if not (await connection.execute(change)).rowcount:
                await self._begin(connection, name, holder, self._now + seconds)
            columns = (LEASES.c.holder, LEASES.c.until - self._now, LEASES.c.term)
            row = (await connection.execute(select(*columns).where(LEASES.c.name == name))).one()
            return Held(row[0], float(row[1]), row[2])

    async def release(self, name: str, holder: str) -> None:
        """Let others have it, where it is ours."""
        mine = (LEASES.c.name == name) & (LEASES.c.holder == holder)
        async with self._database.within(self._patience, LeasesAway) as connection:
            await connection.execute(update(LEASES).where(mine).values(until=self._now))

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def _begin(self, connection: AsyncConnection, name: str, holder: str, until: Any) -> None:
        """The first row of that name, unless somebody was quicker."""
        into = insert_into(self._database.engine, LEASES)
        first = into.values(name=name, holder=holder, until=until, term=1)
        await connection.execute(first.on_conflict_do_nothing())
