"""Which pages ring for a name, and what the caller's worker is told of it."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from sipagent.api.browsers import Ringing, UnknownRing
from sipagent.app.page_rings import Listener, PageRings
from sipagent.worker.browsing import BrowserRings, Rang
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.protocol import Down

WISH = BrowserRings(ring="r1", name="alice", caller="sip:bob@example.com")


class Told(WorkerHandle):
    """A worker that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("t1", 0.0)
        self.said: list[tuple[int, str]] = []

    def send(self, message: Down) -> None:
        assert isinstance(message, Rang)
        self.said.append((message.status, message.reason))


async def begun(rings: PageRings, owner: str) -> AsyncIterator[Ringing | None]:
    stream = rings.listen(Listener("alice", owner))
    assert await anext(stream) is None
    return stream


async def test_nobody_listens() -> None:
    rings, worker = PageRings(), Told()
    rings.begin(worker, WISH)
    assert worker.said == [(480, "no page listens as alice")]
    with pytest.raises(UnknownRing):
        rings.find("r1", "one")


async def test_all_pages_of_a_name_ring_and_it_is_busy_when_all_have_declined() -> None:
    rings, worker = PageRings(), Told()
    one, other = await begun(rings, "one"), await begun(rings, "other")
    rings.begin(worker, WISH)
    assert worker.said == [(180, "")]
    for page in (one, other):
        assert await anext(page) == Ringing("r1", "sip:bob@example.com")
    with pytest.raises(UnknownRing):
        rings.decline("r1", "somebody else")
    rings.decline("r1", "one")
    assert await anext(one) == Ringing("r1", "sip:bob@example.com", over=True, reason="declined")
    assert worker.said == [(180, "")]
    rings.decline("r1", "other")
    assert worker.said[-1] == (486, "Busy Here")
    rings.stop("r1", "Busy Here")
    with pytest.raises(UnknownRing):
        rings.find("r1", "other")


async def test_a_page_that_is_closed_while_it_rings_rings_no_more() -> None:
    rings, worker = PageRings(), Told()
    stream = rings.listen(Listener("alice", "one"))
    async with aclosing(stream):  # type: ignore[type-var]
        assert await anext(stream) is None
        rings.begin(worker, WISH)
    assert worker.said == [(180, ""), (480, "the page is gone")]
    assert rings.listeners == 0


async def test_a_page_is_told_when_the_callers_worker_is_gone() -> None:
    rings, worker = PageRings(), Told()
    page = await begun(rings, "one")
    rings.begin(worker, WISH)
    rings.gone(worker)
    assert await anext(page) == Ringing("r1", "sip:bob@example.com")
    over = await anext(page)
    assert over is not None
    assert (over.over, over.reason) == (True, "the call ended")


async def test_a_page_that_does_not_read_misses_the_oldest_and_costs_no_more() -> None:
    listener = Listener("alice", "one")
    for n in range(100):
        listener.tell(Ringing(f"r{n}", "sip:bob@example.com"))
    assert listener.words.qsize() == 16
    assert listener.words.get_nowait().ring == "r84"
