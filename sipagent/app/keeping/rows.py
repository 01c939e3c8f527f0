"""Rows: what the database keeps of one person; each table is a place of `Traces`."""

from collections.abc import Awaitable, Callable, Sequence

from sipagent.store.memories import MemoryBook
from sipagent.store.removal import Removal
from sipagent.store.tolls import TollBook
from sipagent.store.traces import Trace, Who

_PLACE = "database"


class RecordRows:
    """Calls, their events, and what is said of them."""

    def __init__(self, removal: Removal) -> None:
        self._removal = removal

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        counts = await self._removal.count(sorted(who.calls))
        return [Trace(_PLACE, what, count) for what, count in counts.items() if count]

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        return sum((await self._removal.delete(sorted(who.calls))).values())


class MemoryRows:
    """What agents remember. `opened` gives a book that is closed again."""

    def __init__(self, opened: Callable[[], MemoryBook]) -> None:
        self._opened = opened

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        count = await self._each(who, MemoryBook.count)
        return [Trace(_PLACE, "memories", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        return await self._each(who, MemoryBook.forget)

    async def _each(self, who: Who, do: Callable[[MemoryBook, str], Awaitable[int]]) -> int:
        book = self._opened()
        try:
            return sum([await do(book, each) for each in sorted(who.spellings)])
        finally:
            await book.close()


class TollRows:
    """Daily sums by who paid. `forget` removes them, from memory as well where a server runs."""

    def __init__(
        self, book: TollBook, forget: Callable[[Callable[[str], bool]], Awaitable[int]] | None
    ) -> None:
        """`forget` None: the book's own."""
        self._book = book
        self._forget = forget or book.forget

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        count = await self._book.count(_theirs(who))
        return [Trace(_PLACE, "tolls", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        return await self._forget(_theirs(who))


def _theirs(who: Who) -> Callable[[str], bool]:
    """`caller TRUNK/NUMBER` or `caller PHONE`."""

    def theirs(payer: str) -> bool:
        kind, _, name = payer.partition(" ")
        return kind == "caller" and who.is_(name.rpartition("/")[2])

    return theirs
