"""Rings: pages that listen by a name, and the workers that have them rung."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sipagent.api.browsers import Ringing, UnknownRing
from sipagent.worker.browsing import BrowserRings, Rang
from sipagent.worker.handle import WorkerHandle

#: rings that wait at one page before the oldest is dropped
_WAITING = 16


@dataclass(eq=False, slots=True)
class Listener:
    """A page that can be called."""

    name: str
    owner: str  #: of its token
    words: "asyncio.Queue[Ringing]" = field(default_factory=lambda: asyncio.Queue(_WAITING))

    def tell(self, word: Ringing) -> None:
        """A page that does not read misses the oldest."""
        if self.words.full():
            self.words.get_nowait()
        self.words.put_nowait(word)


@dataclass(slots=True)
class Ring:
    """A worker that has pages of a name rung; `taken` by one that answers."""

    worker: WorkerHandle
    wish: BrowserRings
    at: set[Listener]
    taken: bool = False

    def word(self, reason: str = "", *, over: bool = False) -> Ringing:
        """What a page is told of it."""
        return Ringing(self.wish.ring, self.wish.caller, over=over, reason=reason)


class PageRings:
    """All pages of a name ring; the first that answers has the call."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._rings: dict[str, Ring] = {}

    @property
    def listeners(self) -> int:
        """Pages that can be called."""
        return len(self._listeners)

    async def listen(self, listener: Listener) -> AsyncIterator[Ringing | None]:
        """What rings there, until it is left; None as soon as it would."""
        self._listeners.add(listener)
        try:
            yield None
            while True:
                yield await listener.words.get()
        finally:
            self._listeners.discard(listener)
            for ring, found in list(self._rings.items()):
                found.at.discard(listener)
                if not found.at and not found.taken:
                    found.worker.send(Rang(ring=ring, status=480, reason="the page is gone"))

    def begin(self, worker: WorkerHandle, wish: BrowserRings) -> None:
        """A worker wants pages to ring."""
        at = {listener for listener in self._listeners if listener.name == wish.name}
        if not at:
            worker.send(Rang(ring=wish.ring, status=480, reason=f"no page listens as {wish.name}"))
            return
        ring = self._rings[wish.ring] = Ring(worker, wish, at)
        for listener in at:
            listener.tell(ring.word())
        worker.send(Rang(ring=wish.ring, status=180))

    def stop(self, ring: str, reason: str) -> None:
        """It rings no more; nothing where it does not."""
        found = self._rings.pop(ring, None)
        if found is not None:
            for listener in found.at:
                listener.tell(found.word(reason, over=True))

    def gone(self, worker: WorkerHandle) -> None:
        """The worker is no more."""
        for ring, found in list(self._rings.items()):
            if found.worker is worker:
                self.stop(ring, "the call ended")

    def find(self, ring: str, owner: str) -> Ring:
        """One that rings at a page of this token. Raises UnknownRing."""
        found = self._rings.get(ring)
        if found is None or not any(listener.owner == owner for listener in found.at):
            raise UnknownRing("it does not ring here, or rings no more")
        return found

    def decline(self, ring: str, owner: str) -> None:
        """The pages of this token do not want it. Raises UnknownRing."""
        found = self.find(ring, owner)
        for listener in [at for at in found.at if at.owner == owner]:
            found.at.discard(listener)
            listener.tell(found.word("declined", over=True))
        if not found.at:
            found.worker.send(Rang(ring=ring, status=486, reason="Busy Here"))
