"""Orders: erasures that a node has still to do, a row each, until it has done them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from .database import Database, answering
from .dialects import utc
from .tables import CALLS, ERASURES

_STEP = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data is to go, as they were found where the erasure began: `caller` as it was asked
    for, the `names` and `calls` that are theirs, and since when there is anything (Unix time).
    """

    caller: str
    as_party: str
    by: str
    calls: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A node's part of the erasure `id`."""

    id: str
    node: str
    at: datetime
    #: the one thing about orders that must not be logged
    subject: Subject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Owing:
    """How many erasures a node has still to do, and since when the oldest of them waits."""

    node: str
    orders: int
    since: datetime


class OrderBook:
    """An engine of its own. What it cannot do raises SipAgentError."""

    def __init__(self, url: str, *, upgrade: bool = True) -> None:
        """`url` is SQLAlchemy's, with an async driver; `upgrade` as `Database` has it. Raises
        ConfigError.
        """
        self._database = Database(url, connections=1, upgrade=upgrade)

    async def put(self, orders: Sequence[Order]) -> None:
        """All of them, or none."""
        rows = [
            {"id": one.id, "node": one.node, "at": one.at, "subject": _plain(one.subject)}
            for one in orders
        ]
        if rows:
            with answering():
                async with self._database.begin() as connection:
                    await connection.execute(insert(ERASURES), rows)

    async def of(self, node: str) -> list[Order]:
        """Those a node has still to do, the oldest first."""
        wanted = select(ERASURES).where(ERASURES.c.node == node).order_by(ERASURES.c.at)
        with answering():
            async with self._database.begin() as connection:
                rows = await connection.execute(wanted)
                return [Order(r.id, r.node, utc(r.at), _subject(r.subject)) for r in rows]

    async def done(self, order: Order) -> None:
        """A node has done it: nothing of the caller is left here, either."""
        theirs = (ERASURES.c.id == order.id) & (ERASURES.c.node == order.node)
        with answering():
            async with self._database.begin() as connection:
                await connection.execute(delete(ERASURES).where(theirs))

    async def owing(self) -> list[Owing]:
        """The nodes that have something to do, by name."""
        node = ERASURES.c.node
        figures = func.count().label("orders"), func.min(ERASURES.c.at).label("at")
        counted = select(node, *figures).group_by(node).order_by(node)
        with answering():
            async with self._database.begin() as connection:
                rows = await connection.execute(counted)
                return [Owing(row.node, row.orders, utc(row.at)) for row in rows]

    async def forget(self, node: str) -> int:
        """A node never comes back, and its disk is gone: how many orders it needs no more."""
        with answering():
            async with self._database.begin() as connection:
                gone = await connection.execute(delete(ERASURES).where(ERASURES.c.node == node))
                return int(gone.rowcount)

    async def nodes_of(self, calls: Iterable[str]) -> set[str]:
        """Which nodes took these calls; those that were alone have no name."""
        found: set[str] = set()
        wanted = sorted(calls)
        with answering():
            async with self._database.begin() as connection:
                for start in range(0, len(wanted), _STEP):
                    some = CALLS.c.call_id.in_(wanted[start : start + _STEP])
                    found.update(await connection.scalars(select(CALLS.c.node).where(some)))
        return found - {""}

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()


def _plain(subject: Subject) -> dict[str, Any]:
    return {
        "caller": subject.caller,
        "as_party": subject.as_party,
        "by": subject.by,
        "calls": sorted(subject.calls),
        "names": sorted(subject.names),
        "since": subject.since,
    }


def _subject(plain: dict[str, Any]) -> Subject:
    calls, names = frozenset(plain["calls"]), frozenset(plain["names"])
    return Subject(plain["caller"], plain["as_party"], plain["by"], calls, names, plain["since"])
