"""Toll book: daily sums of outbound calls, kept over a restart."""

from collections.abc import Callable, Mapping
from datetime import date

import structlog
from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_

from .database import ERRORS, Database, answering, cause_of
from .tables import TOLLS

_log = structlog.get_logger(__name__)
#: calls and seconds of one caller or trunk on one day
Kept = tuple[int, float]


class TollBook:
    """A table beside the calls. A database that does not answer costs memory, never a call."""

    def __init__(self, url: str, node: str = "") -> None:
        """`url` is SQLAlchemy's, with an async driver; `node` is whose sums are written, each
        node's being its own. Raises ConfigError.
        """
        self._database = Database(url, connections=1)
        #: this node, and empty where it is alone
        self.node = node

    async def read(self, day: date) -> dict[str, Kept]:
        """What this node has kept of a day, by payer; nothing where the database does not
        answer.
        """
        return await self._read(day, TOLLS.c.node == self.node) or {}

    async def others(self, day: date) -> dict[str, Kept] | None:
        """What all other nodes together have kept of it; None where the database does not
        answer.
        """
        return await self._read(day, TOLLS.c.node != self.node)

    async def _read(self, day: date, whose: ColumnElement[bool]) -> dict[str, Kept] | None:
        sums = func.sum(TOLLS.c.calls).label("calls"), func.sum(TOLLS.c.seconds).label("seconds")
        wanted = select(TOLLS.c.payer, *sums).where(TOLLS.c.day == day, whose)
        try:
            async with self._database.begin() as connection:
                rows = await connection.execute(wanted.group_by(TOLLS.c.payer))
                return {row.payer: (int(row.calls), float(row.seconds)) for row in rows}
        except ERRORS as error:
            _log.error("toll_book_not_read", cause=cause_of(error))
            return None

    async def write(self, sums: Mapping[tuple[date, str], Kept]) -> bool:
        """Put these in place of what was there. False where the database does not answer."""
        rows = [
            {
                "day": day,
                "node": self.node,
                "payer": payer[:256],
                "calls": calls,
                "seconds": seconds,
            }
            for (day, payer), (calls, seconds) in sums.items()
        ]
        if not rows:
            return True
        keys = [(row["day"], row["payer"]) for row in rows]
        try:
            async with self._database.begin() as connection:
                await connection.execute(
                    delete(TOLLS).where(
                        TOLLS.c.node == self.node,
                        tuple_(TOLLS.c.day, TOLLS.c.payer).in_(keys),
                    )
                )
                await connection.execute(insert(TOLLS), rows)
        except ERRORS as error:
            _log.error("toll_book_not_written", cause=cause_of(error))
            return False
        return True

    async def count(self, theirs: Callable[[str], bool]) -> int:
        """Payers of somebody, over all days. Raises SipAgentError."""
        return len(await self._payers(theirs))

    async def forget(self, theirs: Callable[[str], bool]) -> int:
        """Delete the sums of somebody's payers; how many payers. Raises SipAgentError."""
        payers = await self._payers(theirs)
        for start in range(0, len(payers), 500):
            await self._delete(TOLLS.c.payer.in_(payers[start : start + 500]))
        return len(payers)

    async def prune(self, before: date) -> int:
        """Delete the sums of days before; how many. Raises SipAgentError."""
        return await self._delete(TOLLS.c.day < before)

    async def _payers(self, theirs: Callable[[str], bool]) -> list[str]:
        with answering():
            async with self._database.begin() as connection:
                known = await connection.scalars(select(TOLLS.c.payer).distinct())
                return [payer for payer in known if theirs(payer)]

    async def _delete(self, where: ColumnElement[bool]) -> int:
        with answering():
            async with self._database.begin() as connection:
                return (await connection.execute(delete(TOLLS).where(where))).rowcount

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()
