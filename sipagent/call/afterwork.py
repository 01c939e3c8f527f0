"""Afterwork: what the record of a call waits for when its legs are gone."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from sipagent.tasks import Background, stopped

#: seconds; what is begun bounds itself below this
LONGEST = 40.0
#: seconds, where somebody waits for the process to end
HURRIED = 4.0


class Afterwork:
    """Runs at once, and may outlive the legs for a while; no leg waits for it."""

    def __init__(self) -> None:
        self._tasks = Background()
        self._hurried = asyncio.Event()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin it."""
        self._tasks.start(work)

    def hurry(self) -> None:
        """Whoever waits, waits `HURRIED` seconds longer at most."""
        self._hurried.set()

    async def done(self) -> None:
        """Wait for all of it; what is late is cancelled."""
        if not self._tasks:
            return
        all_done = asyncio.ensure_future(self._all_done())
        hurried = asyncio.ensure_future(self._hurried.wait())
        await asyncio.wait({all_done, hurried}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({all_done}, timeout=HURRIED)
        await stopped(*self._tasks, all_done, hurried)

    async def _all_done(self) -> None:
        """Some of it begins more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST):
                while self._tasks:
                    await self._tasks.done()
