"""Leases: at most one holder at any moment, whatever becomes of it and of the database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.cluster.leases import Lease, Leases, Pace, Tenure
from sipagent.store.leases import Held, LeaseBook, LeasesAway
from sipagent.testing.leasing import FakeLeaseBook
from sipagent.testing.postgres import postgres
from sipagent.testing.virtual import run_virtual

PACE = Pace()


def leases(book: FakeLeaseBook, me: str, seconds_late: float = 0.0) -> Leases:
    """Of a node, which may have stood still for a while."""
    return Leases(book, lambda: me, now=lambda: asyncio.get_running_loop().time() + seconds_late)


class Watch:
    """Who says at each moment that the lease is theirs."""

    def __init__(self, *held: Lease) -> None:
        self._held = held
        self.seen: list[tuple[float, str]] = []
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            names = [name for name, lease in zip("ab", self._held, strict=True) if lease.held]
            assert len(names) < 2
            holder = "".join(names)
            if not self.seen or self.seen[-1][1] != holder:
                self.seen.append((asyncio.get_running_loop().time(), holder))
            await asyncio.sleep(0.01)

    async def until(self, holder: str) -> float:
        """When it was first seen to be so, from now on."""
        while self.seen[-1:] == [] or self.seen[-1][1] != holder:
            assert not self._task.done() or self._task.result()
            await asyncio.sleep(0.01)
        return self.seen[-1][0]


def test_one_of_two_nodes_holds_and_the_other_takes_over_when_it_leaves() -> None:
    async def story() -> None:
        book = FakeLeaseBook()
        here, there = leases(book, "a#1"), leases(book, "b#1")
        here.on_free = there.freed
        mine = here.hold("line")
        await mine.wait()
        theirs = there.hold("line")
        watch = Watch(mine, theirs)
        await asyncio.sleep(60)
        assert watch.seen == [(0.0, "a")]
        assert theirs.holder == "a"
        left = asyncio.get_running_loop().time()
        await here.leave("line")
        assert await watch.until("b") - left < 0.1, "it is told, and need not wait"
        await there.close()

    run_virtual(story())


def test_a_holder_that_is_killed_is_replaced_within_the_lease_s_life() -> None:
    async def story() -> None:
        book = FakeLeaseBook()
        mine = leases(book, "a#1").hold("line")
        await mine.wait()
        theirs = leases(book, "b#1").hold("line")
        await asyncio.sleep(30)
        mine._task.cancel()  # as a kill: nothing is released
        killed = asyncio.get_running_loop().time()
        await theirs.wait()
        assert asyncio.get_running_loop().time() - killed <= PACE.life + 0.1
        assert not mine.held
        await theirs.close()

    run_virtual(story())


def test_while_the_database_is_away_the_holder_leaves_off_before_others_may_begin() -> None:
    async def story() -> None:
        book = FakeLeaseBook()
        mine, theirs = leases(book, "a#1").hold("line"), leases(book, "b#1").hold("line")
        told: list[str] = []
        mine.on_gained, mine.on_lost = lambda: told.append("gained"), lambda: told.append("lost")
        await mine.wait()
        watch = Watch(mine, theirs)
        await asyncio.sleep(30)
        book.away = True
        away = asyncio.get_running_loop().time()
        gone = await watch.until("") - away
        assert PACE.life - PACE.guard - PACE.renew - 0.1 <= gone <= PACE.life - PACE.guard
        assert "does not answer" in mine.why
        await asyncio.sleep(60)
        assert watch.seen[-1][1] == "", "nobody holds what nobody can be sure of"
        book.away = False
        while not (mine.held or theirs.held):
            await asyncio.sleep(0.01)
        assert told[:2] == ["gained", "lost"]
        await mine.close()
        await theirs.close()

    run_virtual(story())


def test_a_short_failure_of_the_database_costs_nobody_the_lease() -> None:
    async def story() -> None:
        book = FakeLeaseBook()
        mine, theirs = leases(book, "a#1").hold("line"), leases(book, "b#1").hold("line")
        await mine.wait()
        watch = Watch(mine, theirs)
        for _ in range(10):
            book.away = True
            await asyncio.sleep(2)
            book.away = False
            await asyncio.sleep(5)
        assert watch.seen == [(0.0, "a")]
        await mine.close()
        await theirs.close()

    run_virtual(story())


def test_a_database_that_thinks_for_long_does_not_lengthen_a_lease() -> None:
    async def story() -> None:
        book = FakeLeaseBook()
        mine, theirs = leases(book, "a#1").hold("line"), leases(book, "b#1").hold("line")
        await mine.wait()
        watch = Watch(mine, theirs)
        for seconds in (1.0, 4.0, 8.0, 20.0):
            book.seconds = seconds
            await asyncio.sleep(60)
        assert {holder for _, holder in watch.seen} > {""}
        await asyncio.gather(mine.close(), theirs.close())

    run_virtual(story())


def test_a_node_that_stood_still_knows_by_the_clock_that_it_holds_nothing_any_more() -> None:
    tenure = Tenure("a#1", PACE)
    tenure.answered(100.0, Held("a#1", PACE.life, 1))
    assert tenure.ours(100.0 + PACE.life - PACE.guard - 0.01)
    assert not tenure.ours(100.0 + PACE.life - PACE.guard)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5), st.floats(0, 5)), max_size=30))
def test_what_a_holder_believes_ends_before_what_the_database_allows(
    asks: list[tuple[float, float, float]],
) -> None:
    """Whenever it asks, and however long the way there and back takes."""
    tenure, now, allowed = Tenure("a", PACE), 0.0, 0.0
    for pause, there, back in asks:
        asked = now + pause
        written = asked + there
        now = written + back
        allowed = written + PACE.life
        tenure.answered(asked, Held("a", allowed - written, 1))
        assert tenure.deadline <= allowed - PACE.guard


# the same book for all: a table


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer)])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[LeaseBook]]:
    """A book as two nodes have it open."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path}/leases.sqlite3"
        if request.param == "postgres":
            url = await stack.enter_async_context(postgres())
        found = [LeaseBook(url, patience=30, upgrade=True) for _ in range(2)]
        for book in found:
            stack.push_async_callback(book.close)
        yield found


async def test_the_first_that_asks_has_it(books: list[LeaseBook]) -> None:
    one, two = books
    first = await one.take("line", "a#1", 60)
    assert (first.holder, first.term) == ("a#1", 1)
    assert 59 < first.seconds <= 60
    refused = await two.take("line", "b#1", 60)
    assert (refused.holder, refused.term) == ("a#1", 1)
    assert (await one.take("line", "a#1", 30)).seconds <= 30
    assert (await two.take("other", "b#1", 60)).holder == "b#1"
    await two.release("line", "b#1")
    assert (await two.take("line", "b#1", 60)).holder == "a#1", "who has it not cannot release it"
    await one.release("line", "a#1")
    taken = await two.take("line", "b#1", 60)
    assert (taken.holder, taken.term) == ("b#1", 2)


async def test_what_has_run_out_is_free(books: list[LeaseBook]) -> None:
    one, two = books
    await one.take("line", "a#1", -1)
    assert (await two.take("line", "b#1", 60)).term == 2
    assert (await one.take("line", "a#2", -1)).holder == "b#1"


async def test_only_one_of_many_that_ask_at_once_has_it(books: list[LeaseBook]) -> None:
    asked = (books[n % 2].take("line", f"n{n}", 60) for n in range(8))
    assert len({held.holder for held in await asyncio.gather(*asked)}) == 1


async def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    book = LeaseBook(f"sqlite+aiosqlite:///{tmp_path}/nowhere/leases.sqlite3")
    with pytest.raises(LeasesAway, match="does not answer"):
        await book.take("line", "a", 1)
    await book.close()


def test_terms_only_grow() -> None:
    async def story() -> Iterator[int]:
        book = FakeLeaseBook()
        terms = []
        for me in ("a#1", "b#1", "a#2"):
            held = leases(book, me)
            lease = held.hold("line")
            await lease.wait()
            terms.append(lease._tenure.term)
            await held.leave("line")
        return iter(terms)

    assert all(one < two for one, two in pairwise(run_virtual(story())))
