"""Feed: the newest events of all calls, numbered, for streams that come and go."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator

from sipagent.api.calls import Numbered
from sipagent.events import Event

#: events kept for streams that come back
_KEPT = 20_000
#: a stream of all calls is woken at most this often, seconds: it must not cost calls anything
_GATHER = 0.02


class Feed:
    """Numbers grow over restarts, too: they begin at the clock's microseconds.

    A stream that is slower than calls are finds that events it wanted are gone, and is told so:
    nothing waits for it and nothing is kept for it alone.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._last = int(time.time() * 1_000_000)
        self._items: deque[Numbered] = deque(maxlen=kept)
        self._news: dict[str | None, asyncio.Event] = {}

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._last

    def happened(self, event: Event) -> None:
        """Take an event."""
        self._last += 1
        self._items.append(Numbered(self._last, event))
        for key in (event.call_id, None):
            if (news := self._news.pop(key, None)) is not None:
                news.set()

    async def news(self, call_id: str | None = None) -> None:
        """Wait for the next event of a call, or of any."""
        await self._news.setdefault(call_id, asyncio.Event()).wait()

    async def after(self, seq: int | None) -> AsyncIterator[Numbered]:
        """Events of all calls from the one after `seq` on; None: from now on."""
        position = self._last if seq is None else min(seq, self._last)
        while True:
            batch = self._since(position)
            for item in batch:
                yield item
                position = item.seq
            if not batch and position == self._last:
                await self.news()
            await asyncio.sleep(_GATHER)

    def _since(self, position: int) -> list[Numbered]:
        first = self._items[0].seq if self._items else self._last + 1
        if position + 1 < first:
            return [Numbered(first - 1, None)]
        # numbers follow each other, so that of an item tells where it stands
        start = position + 1 - first
        return [self._items[i] for i in range(start, min(start + 500, len(self._items)))]
