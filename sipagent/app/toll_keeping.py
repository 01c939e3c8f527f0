"""Toll keeping: carries sums between memory and the toll book, and ends calls that overdraw."""

import asyncio
from collections.abc import Callable
from datetime import date

import structlog

from sipagent.store.tolls import Kept, TollBook

from .tolls import Sum, Tolls

log = structlog.get_logger(__name__)
#: seconds between looks
_EVERY = 1.0


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
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Write what is left. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._write()
        await self._book.close()

    def _note(self, day: date, payer: str, total: Sum) -> None:
        self._unwritten[day, payer] = (total.calls, total.seconds)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
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
