"""Feed: the newest events of all calls, numbered, for streams that come and go."""

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import islice

from sipagent.api.calls import Numbered, Page
from sipagent.events import Event

#: events kept for streams that come back
_KEPT = 20_000
#: events given out at a time
_AT_ONCE = 500
#: a stream of all calls is woken at most this often, seconds: it must not cost calls anything
_GATHER = 0.02
#: microseconds that our numbers may be ahead of our clock, where another node's is
_FURTHEST = 60_000_000


class Feed:
    """Numbers grow over restarts, too, and order the events of several nodes: they are the clock's
    microseconds, and those of the node whose clock is furthest ahead.

    A stream that is slower than calls are finds that events it wanted are gone, and is told so:
    nothing waits for it and nothing is kept for it alone.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._ahead = 0
        self._last = _clock()
        #: what came up to here is not kept
        self._forgotten = self._last
        self._items: deque[Numbered] = deque(maxlen=kept)
        self._news: dict[str | None, asyncio.Event] = {}

    @property
    def last(self) -> int:
        """The number of the newest event, or one before all that come."""
        return self._last

    def mark(self) -> int:
        """A number that what has happened has not exceeded, and what will happen shall."""
        self._last = max(self._last, _clock() + self._ahead)
        return self._last

    def follow(self, mark: int) -> None:
        """Another node is at this number."""
        self._ahead = min(max(self._ahead, mark - _clock()), _FURTHEST)

    def happened(self, event: Event) -> None:
        """Take an event."""
        self._last = max(self._last + 1, _clock() + self._ahead)
        if len(self._items) == self._items.maxlen:
            self._forgotten = self._items[0].seq
        self._items.append(Numbered(self._last, event))
        for key in (event.call_id, None):
            if (news := self._news.pop(key, None)) is not None:
                news.set()

    def forget(self, theirs: Callable[[Event], bool]) -> int:
        """A gap in place of each event of somebody; how many."""
        found = [i for i, item in enumerate(self._items) if item.event and theirs(item.event)]
        for i in found:
            self._items[i] = Numbered(self._items[i].seq, None)
        return len(found)

    async def news(self, call_id: str | None = None) -> None:
        """Wait for the next event of a call, or of any."""
        await self._news.setdefault(call_id, asyncio.Event()).wait()

    async def after(self, seq: int | None) -> AsyncIterator[Numbered]:
        """Events of all calls from the one after `seq` on; None: from now on."""
        position = self._last if seq is None else min(seq, self._last)
        while True:
            batch = self._since(position, _AT_ONCE)
            for item in batch:
                yield item
                position = item.seq
            if not batch:
                await self.news()
            await asyncio.sleep(_GATHER)

    async def page(self, after: int | None, seconds: float, most: int = _AT_ONCE) -> Page:
        """The same piece by piece; where there is nothing it waits so long."""
        position = self.mark() if after is None else min(after, self.mark())
        items = self._since(position, most)
        if not items and seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news(), seconds)
            items = self._since(position, most)
        return Page(items, self.mark() if len(items) < most else items[-1].seq)

    def _since(self, position: int, most: int) -> list[Numbered]:
        if position < self._forgotten:
            return [Numbered(self._forgotten, None)]
        start = bisect_right(self._items, position, key=lambda item: item.seq)
        return list(islice(self._items, start, start + most))


def _clock() -> int:
    return time.time_ns() // 1000
