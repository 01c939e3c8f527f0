"""Toll keeping: carries sums between memory and the toll book, and ends calls that overdraw."""

import asyncio
import time
from collections.abc import Callable
from datetime import date

import structlog

from sipagent.store.tolls import Kept, TollBook
from sipagent.tasks import lasting, stopped

from .tolls import Sum, Tolls

log = structlog.get_logger(__name__)
#: seconds between looks, and between those at what other nodes have counted
_EVERY, _OTHERS = 1.0, 5.0


class TollKeeper:
    """A task of the gateway. `hang_up` ends a call by its id, and says why."""

    def __init__(self, tolls: Tolls, book: TollBook, hang_up: Callable[[str, str], None]) -> None:
        self._tolls = tolls
        self._book = book
        self._hang_up = hang_up
        self._unwritten: dict[tuple[date, str], Kept] = {}
        self._task: asyncio.Task[None] | None = None
        tolls.changed = self._note

    async def start(self, today: date) -> None:
        """Go on where we stopped."""
        kept = await self._book.read(today)
        self._tolls.restore(today, {payer: Sum(*sums) for payer, sums in kept.items()})
        if self._book.node:
            await self._look()
        self._task = lasting(self._keep(), "toll keeping")

    async def close(self) -> None:
        """Write what is left. Idempotent."""
        if self._task is not None:
            await stopped(self._task)
            self._task = None
            await self._write()
        await self._book.close()

    async def forget(self, theirs: Callable[[str], bool]) -> int:
        """Know nothing of somebody's payers any more, and keep nothing; how many they were. Raises
        SipAgentError.
        """
        self._tolls.forget(theirs)
        await self._write()
        self._unwritten = {key: kept for key, kept in self._unwritten.items() if not theirs(key[1])}
        return await self._book.forget(theirs)

    def _note(self, day: date, payer: str, total: Sum) -> None:
        self._unwritten[day, payer] = (total.calls, total.seconds)

    async def _look(self) -> None:
        """What other nodes have counted; where that cannot be had, what was known stands."""
        today = self._tolls.today
        kept = await self._book.others(today)
        if kept is not None:
            self._tolls.others(today, {payer: Sum(*sums) for payer, sums in kept.items()})

    async def _keep(self) -> None:
        looked = time.monotonic()
        while True:
            await asyncio.sleep(_EVERY)
            if self._book.node and time.monotonic() - looked >= _OTHERS:
                await self._look()
                looked = time.monotonic()
            for call_id, why in self._tolls.overdrawn().items():
                log.warning("toll_overdrawn", call_id=call_id, why=why)
                self._hang_up(call_id, why)
            await self._write()

    async def _write(self) -> None:
        taken, self._unwritten = self._unwritten, {}
        written = False
        try:
            written = await self._book.write(taken)
        finally:  # not written, or cancelled while we were at it
            if not written:
                self._unwritten = taken | self._unwritten
