"""The records behind the doors of `api`: of calls that live and of calls that are over."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sipagent.api.calls import NotUnderstood, Unreadable
from sipagent.api.record_book import Records
from sipagent.call.cdr import Cdr, fold
from sipagent.call.search import Search
from sipagent.events import Event
from sipagent.store.bundle import TIMELINE, picture
from sipagent.store.records import Store
from sipagent.store.search import BadCursor
from sipagent.store.story import Story, tell
from sipagent.store.vault import Files, VaultError

from .live import Live

T = TypeVar("T")


class Book:
    """`RecordBook` of this server. A long call takes a moment to be told: that is done beside the
    loop, one at a time, since calls share the interpreter with it.
    """

    def __init__(self, store: Store, live: Live, files: Files) -> None:
        self._store = store
        self._live = live
        self._files = files
        self._telling = asyncio.Semaphore(1)

    async def search(self, wanted: Search, limit: int, after: str) -> Records:
        """See `RecordBook`."""
        if not after:
            await self._store.flush()
        try:
            page = await self._store.search(wanted, limit, after)
        except BadCursor as error:
            raise NotUnderstood(str(error), "query.after") from error
        return Records(records=page.calls, after=page.after)

    async def record(self, call_id: str) -> Cdr:
        """See `RecordBook`."""
        return await self._told(fold, await self._live.known(call_id))

    async def story(self, call_id: str) -> Story:
        """See `RecordBook`."""
        return await self._told(tell, await self._live.known(call_id))

    async def picture(self, call_id: str) -> str:
        """See `RecordBook`."""
        events = await self._live.known(call_id)
        folder = self._live.folder(call_id)
        try:
            return await self._told(lambda known: _picture(folder, known, self._files), events)
        except VaultError as error:
            raise Unreadable(str(error)) from error

    async def _told(self, how: Callable[[Sequence[Event]], T], events: Sequence[Event]) -> T:
        known = list(events)  # those of a live call grow meanwhile
        async with self._telling:
            return await asyncio.to_thread(how, known)


def _picture(folder: Path, events: Sequence[Event], files: Files) -> str:
    """As it was drawn when the call ended, or as it is now."""
    try:
        return files.read(folder / TIMELINE).decode()
    except OSError:
        return picture(folder, events, files=files)
