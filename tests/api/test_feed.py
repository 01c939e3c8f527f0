"""Streams of all calls: they go on where they were left, and are told what they missed."""

import asyncio

from sipagent.api.calls import Numbered
from sipagent.app.feed import Feed
from sipagent.events import Warned
from sipagent.testing.virtual import virtual_time


def warned(n: int) -> Warned:
    return Warned(call_id="c", code="n", detail=str(n))


async def some(feed: Feed, after: int | None, count: int) -> list[Numbered]:
    found: list[Numbered] = []
    async for item in feed.after(after):
        found.append(item)
        if len(found) == count:
            break
    return found


def texts(items: list[Numbered]) -> list[str | None]:
    return [item.event.detail if isinstance(item.event, Warned) else None for item in items]


@virtual_time
async def test_a_stream_goes_on_where_it_was_left() -> None:
    feed = Feed()
    begin = feed.last
    for n in range(5):
        feed.happened(warned(n))
    first = await some(feed, begin, 2)
    assert texts(first) == ["0", "1"]
    assert texts(await some(feed, first[-1].seq, 3)) == ["2", "3", "4"]


@virtual_time
async def test_a_new_stream_begins_now() -> None:
    feed = Feed()
    feed.happened(warned(0))
    waiting = asyncio.ensure_future(some(feed, None, 1))
    await asyncio.sleep(0.1)
    feed.happened(warned(1))
    assert texts(await waiting) == ["1"]


@virtual_time
async def test_what_is_not_kept_any_more_is_told_as_a_gap() -> None:
    feed = Feed(kept=3)
    begin = feed.last
    for n in range(10):
        feed.happened(warned(n))
    found = await some(feed, begin, 4)
    assert texts(found) == [None, "7", "8", "9"]
    assert begin < found[0].seq < found[1].seq


@virtual_time
async def test_numbers_grow_over_a_restart_and_the_gap_is_told() -> None:
    old = Feed()
    old.happened(warned(0))
    await asyncio.sleep(1)
    new = Feed()
    new.happened(warned(1))
    assert new.last >= old.last
    assert texts(await some(new, old.last - 10, 2)) == [None, "1"]
