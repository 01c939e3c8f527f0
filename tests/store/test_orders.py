"""What nodes have still to erase, in each kind of database."""

from datetime import UTC, datetime, timedelta

from sipagent.store.orders import Order, OrderBook, Owing, Subject

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def test_an_order_stands_until_its_node_has_done_it(database: str) -> None:
    subject = Subject("+393331234567", "any", "api:ann", frozenset({"c-1"}), frozenset({"n"}), 3.5)
    orders = [Order("erasure-1", node, AT, subject) for node in "bc"]
    assert subject.caller not in repr(orders)
    book = OrderBook(database)
    try:
        await book.put(orders)
        await book.put([])
        assert await book.of("a") == []
        assert await book.of("b") == [orders[0]]
        await book.done(orders[0])
        assert (await book.of("b"), await book.of("c")) == ([], [orders[1]])
        assert await book.nodes_of({"c-1"}) == set()
    finally:
        await book.close()


async def test_the_orders_of_a_node_that_never_comes_back_are_forgotten(database: str) -> None:
    later = AT + timedelta(hours=1)
    subject = Subject("+393331234567", "caller", "api:ann")
    book = OrderBook(database)
    try:
        assert await book.owing() == []
        times = [("b", "2", later), ("b", "1", AT), ("c", "1", AT)]
        await book.put([Order(f"erasure-{n}", node, at, subject) for node, n, at in times])
        assert await book.owing() == [Owing("b", 2, AT), Owing("c", 1, AT)]
        assert (await book.forget("b"), await book.forget("b")) == (2, 0)
        assert await book.owing() == [Owing("c", 1, AT)]
    finally:
        await book.close()
