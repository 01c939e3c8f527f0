"""One stream of the events of all nodes: in order, whole, and told where it is not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sipagent.api.calls import NodeGone, Numbered, Page
from sipagent.app.feed import Feed
from sipagent.cluster.weave import Pages, Weave, woven
from sipagent.events import Warned
from sipagent.testing.virtual import virtual_time

AT = datetime(2026, 3, 2, tzinfo=UTC)


def item(seq: int) -> Numbered:
    return Numbered(seq, Warned(call_id="c", at=AT, code="n", detail=str(seq)))


def seqs(items: list[Numbered]) -> list[int]:
    return [found.seq for found in items if found.event is not None]


def test_events_wait_for_those_of_nodes_that_have_not_spoken() -> None:
    weave = Weave(100)
    weave.nodes(["a", "b"])
    weave.took("a", Page([item(110), item(130)], upto=140))
    assert weave.ready() == []
    weave.took("b", Page([item(120)], upto=125))
    assert seqs(weave.ready()) == [110, 120]
    assert weave.wanted() == {"b": 125}, "who has said more is not asked before that is told"
    weave.took("b", Page([], upto=150))
    assert seqs(weave.ready()) == [130]


def test_a_node_that_is_lost_holds_nobody_up_and_is_told_as_a_gap() -> None:
    weave = Weave(100)
    weave.nodes(["a", "b"])
    weave.took("a", Page([item(110)], upto=120))
    weave.lost("b")
    assert weave.ready() == [Numbered(100, None), item(110)]
    weave.nodes(["a", "b"])
    assert weave.wanted()["b"] == 120, "it goes on from where the others are"


def test_a_node_that_left_in_good_order_is_no_gap() -> None:
    weave = Weave(100)
    weave.nodes(["a", "b"])
    for name in ("a", "b"):
        weave.took(name, Page([], upto=120))
    weave.ready()
    weave.nodes(["a"], left=["b"])
    weave.took("a", Page([item(130)], upto=140))
    assert weave.ready() == [item(130)]


def test_what_comes_too_late_is_a_gap_and_not_out_of_order() -> None:
    weave = Weave(100)
    weave.nodes(["a"])
    weave.took("a", Page([item(90), item(110)], upto=120))
    assert weave.ready() == [Numbered(100, None), item(110)]


@given(st.data())
def test_every_event_is_told_once_and_in_order(data: st.DataObject) -> None:
    """However it is spread over nodes and pages."""
    events = sorted(data.draw(st.sets(st.integers(101, 400), max_size=60)))
    whose = [data.draw(st.sampled_from("abc")) for _ in events]
    weave = Weave(100)
    weave.nodes("abc")
    told: list[int] = []
    while weave.position < 500:
        for name, after in weave.wanted().items():
            upto = after + data.draw(st.integers(1, 120))
            mine = [
                e for e, n in zip(events, whose, strict=True) if n == name and after < e <= upto
            ]
            weave.took(name, Page([item(e) for e in mine], upto))
        told += seqs(weave.ready())
    assert told == events


def pages(feed: Feed) -> Pages:
    return feed.page


async def some(stream: AsyncIterator[Numbered], count: int) -> list[Numbered]:
    return [await anext(stream) for _ in range(count)]


@virtual_time
async def test_who_reads_at_one_node_may_go_on_at_another() -> None:
    a, b = Feed(), Feed()
    at_a = woven(None, pages(a), lambda: {"b": pages(b)}, tuple)
    at_b = woven(None, pages(b), lambda: {"a": pages(a)}, tuple)
    first = asyncio.ensure_future(some(at_a, 4))
    await asyncio.sleep(0.1)
    begin = min(a.last, b.last)
    for n in range(3):
        for name, feed in (("a", a), ("b", b)):
            feed.happened(Warned(call_id="c", code=name, detail=f"{name}{n}"))
    found = await first
    assert [i.event.detail for i in found if isinstance(i.event, Warned)] == [
        "a0",
        "b0",
        "a1",
        "b1",
    ]
    again = woven(found[1].seq, pages(b), lambda: {"a": pages(a)}, tuple)
    rest = await some(again, 4)
    assert [i.event.detail for i in rest if isinstance(i.event, Warned)] == ["a1", "b1", "a2", "b2"]
    assert found[2:] == rest[:2], "the same numbers, wherever they are read"
    assert begin < found[0].seq
    for stream in (at_a, at_b, again):
        await stream.aclose()  # type: ignore[attr-defined]


@virtual_time
async def test_a_node_that_does_not_answer_is_a_gap_for_those_who_read_elsewhere() -> None:
    a = Feed()

    async def away(after: int | None, seconds: float) -> Page:
        raise NodeGone("it is gone")

    others: dict[str, Pages] = {"b": away}
    stream = woven(None, pages(a), lambda: others, tuple)
    first = asyncio.ensure_future(some(stream, 1))
    await asyncio.sleep(1)
    assert first.result()[0].event is None
    a.happened(Warned(call_id="c", code="n", detail="x"))
    assert (await anext(stream)).event is not None, "it is told once"
    others.clear()
    a.happened(Warned(call_id="c", code="n", detail="x"))
    async with asyncio.timeout(5):
        while (await anext(stream)).event is None:
            pass
    await stream.aclose()  # type: ignore[attr-defined]


def test_a_node_whose_clock_is_behind_numbers_as_the_others_do() -> None:
    slow = Feed()
    slow.follow(slow.mark() + 2_000_000)
    ahead = slow.mark()
    slow.happened(Warned(call_id="c", code="n", detail="x"))
    assert slow.last > ahead
    slow.follow(slow.mark() + 10_000_000_000)
    assert slow.mark() < ahead + 120_000_000, "a clock that is wrong by hours is not followed"
