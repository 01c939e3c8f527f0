"""Tolls: daily sums over all calls, by caller and by trunk, kept over a restart."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sipagent.app.toll_keeping import TollKeeper
from sipagent.app.tolls import Sum, Tolls
from sipagent.call.toll import Toll, TollPolicy
from sipagent.edge.desk import Leaving, NewCall, Refused
from sipagent.events import CallEnded, LegChanged
from sipagent.store.tolls import Kept, TollBook

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = START.date()


class House:
    """Tolls, a clock, and calls that go out by a trunk."""

    def __init__(self, toll: Toll) -> None:
        self.now = START
        self.tolls = Tolls(toll, TollPolicy(toll=toll), lambda: self.now, trunks=("carrier",))
        self.number = 0

    def leaves(self, caller: str = "201", target: str = "tel:+442079460018") -> str:
        self.number += 1
        key = f"out{self.number}@test"
        self.tolls.leaves(Leaving("token", "carrier", target, key), f"call{self.number}", caller)
        return key

    def refusal(self, caller: str = "201", target: str = "tel:+442079460018") -> str:
        with pytest.raises(Refused) as no:
            self.leaves(caller, target)
        assert no.value.status == 403
        return no.value.reason

    def leg(self, key: str, state: str) -> None:
        self.tolls.happened(
            LegChanged(call_id="x", leg="l", role="callee", remote="", state=state, sip_call_id=key)
        )

    def talk(self, key: str, **time: float) -> None:
        self.leg(key, "confirmed")
        self.now += timedelta(**time)
        self.leg(key, "disconnected")


def test_a_callers_calls_and_minutes_of_the_day_are_counted_over_all_calls() -> None:
    house = House(Toll(caller_calls=3, caller_minutes=30))
    house.talk(house.leaves(), minutes=20)
    house.leaves("202")
    house.talk(house.leaves(), minutes=11)
    assert house.refusal() == "the caller's 30 outbound minutes of the day are used up"
    assert house.tolls.total("caller 201") == Sum(2, 31 * 60)
    house.leaves("202")
    house.leaves("202")
    assert house.refusal("202") == "the caller's 3 outbound calls of the day are used up"
    house.now += timedelta(days=1)
    house.leaves()
    assert house.tolls.total("caller 201") == Sum(1, 0)


def test_a_trunks_sums_are_those_of_all_its_callers() -> None:
    house = House(Toll(trunk_calls=4, trunk_minutes=10))
    for caller in ("201", "202", "203"):
        house.talk(house.leaves(caller), minutes=3)
    house.leg(house.leaves("204"), "disconnected")
    assert "trunk's 4 outbound calls" in house.refusal("205")


def test_calls_under_way_are_bounded_and_their_time_counts() -> None:
    house = House(Toll(concurrent=3, caller_concurrent=2, caller_minutes=5))
    first, second = house.leaves(), house.leaves()
    assert "this caller has 2" in house.refusal()
    third = house.leaves("202")
    assert "3 outbound calls are under way" in house.refusal("203")
    house.leg(first, "confirmed")
    house.now += timedelta(minutes=4)
    assert house.tolls.overdrawn() == {}
    house.now += timedelta(minutes=2)
    assert list(house.tolls.overdrawn()) == ["call1"]
    for key in (first, second, third):
        house.leg(key, "disconnected")
    assert house.tolls.live == 0
    assert house.tolls.overdrawn() == {}


def test_the_same_invite_with_credentials_is_one_call() -> None:
    house = House(Toll(caller_calls=1))
    leaving = Leaving("token", "carrier", "tel:+442079460018", "one@test")
    for _ in range(3):
        house.tolls.leaves(leaving, "call", "201")
    assert house.tolls.total("caller 201").calls == 1


def test_the_end_of_a_call_ends_what_it_cost() -> None:
    house = House(Toll())
    key = house.leaves()
    house.leg(key, "confirmed")
    house.now += timedelta(seconds=90)
    house.tolls.happened(CallEnded(call_id="call1"))
    assert house.tolls.live == 0
    assert house.tolls.total("trunk carrier") == Sum(1, 90)


def test_a_number_class_is_refused_at_the_edge_too() -> None:
    house = House(Toll(home=("44",)))
    assert "international numbers are not allowed" in house.refusal(target="tel:+390236618300")
    assert "premium" in house.refusal(target="tel:+449098790000")
    house.leaves(target="tel:999")
    house.leaves(target="tel:reception")


@pytest.mark.parametrize(
    ("account", "payer"),
    [("201", "201"), ("carrier", "carrier/+4420"), (None, "192.0.2.7")],
)
def test_who_pays_is_the_phone_whatever_it_calls_itself(account: str | None, payer: str) -> None:
    call = NewCall("id", "sip:+4420@c", "sip:1@x", "1", ("192.0.2.7", 5060), "udp", account)
    assert House(Toll()).tolls.payer(call.account, call.caller, call.source[0]) == payer


async def test_sums_are_kept_over_a_restart(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3"
    ended: list[tuple[str, str]] = []

    async def serve(house: House, today: date) -> TollKeeper:
        keeper = TollKeeper(house.tolls, TollBook(url), lambda *call: ended.append(call))
        await keeper.start(today)
        return keeper

    toll = Toll(caller_minutes=10)
    before, after, tomorrow = House(toll), House(toll), House(toll)
    keeper = await serve(before, DAY)
    before.talk(before.leaves(), minutes=9)
    before.talk(before.leaves(), minutes=2)
    await keeper.close()
    keeper = await serve(after, DAY)
    assert after.tolls.total("caller 201") == Sum(2, 11 * 60)
    assert "used up" in after.refusal()
    await keeper.close()
    tomorrow.now += timedelta(days=1)
    _ = tomorrow.tolls.total("caller 201")
    keeper = await serve(tomorrow, tomorrow.now.date())
    tomorrow.leaves()
    await keeper.close()


async def test_what_was_being_written_at_the_end_is_not_lost(tmp_path: Path) -> None:
    began = asyncio.Event()

    class Slow(TollBook):
        async def write(self, sums: Mapping[tuple[date, str], Kept]) -> bool:
            if not began.is_set():
                began.set()
                await asyncio.Event().wait()
            return await super().write(sums)

    url = f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3"
    house = House(Toll())
    keeper = TollKeeper(house.tolls, Slow(url), lambda *call: None)
    await keeper.start(DAY)
    house.leaves()
    await asyncio.wait_for(began.wait(), 10)
    await keeper.close()
    book = TollBook(url)
    assert await book.read(DAY) == {"caller 201": (1, 0.0), "trunk carrier": (1, 0.0)}
    await book.close()


async def test_a_call_that_overdraws_is_ended(tmp_path: Path) -> None:
    house, ended = House(Toll(caller_minutes=1)), asyncio.Event()
    keeper = TollKeeper(
        house.tolls,
        TollBook(f"sqlite+aiosqlite:///{tmp_path}/x.sqlite3"),
        lambda call_id, why: ended.set(),
    )
    await keeper.start(DAY)
    house.leg(house.leaves(), "confirmed")
    house.now += timedelta(seconds=61)
    await asyncio.wait_for(ended.wait(), 10)
    await keeper.close()


async def test_a_database_that_does_not_answer_costs_no_call(tmp_path: Path) -> None:
    book = TollBook(f"sqlite+aiosqlite:///{tmp_path}/nowhere/x.sqlite3")
    assert await book.read(DAY) == {}
    assert not await book.write({(DAY, "caller 201"): (1, 1.0)})
    await book.close()


async def test_what_other_nodes_have_counted_counts_here_too(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3"
    toll = Toll(caller_calls=3, caller_minutes=30)
    before = TollBook(url)
    await before.write({(DAY, "caller 201"): (1, 60.0)})
    await before.close()
    one, two = House(toll), House(toll)
    first = TollKeeper(one.tolls, TollBook(url, "a"), lambda call_id, why: None)
    await first.start(DAY)
    assert one.tolls.total("caller 201") == Sum(1, 60.0), "what it was before there were nodes"
    one.talk(one.leaves(), minutes=10)
    await first.close()
    second = TollKeeper(two.tolls, TollBook(url, "b"), lambda call_id, why: None)
    await second.start(DAY)
    try:
        assert two.tolls.total("caller 201") == Sum(2, 11 * 60.0)
        two.leaves()
        assert two.refusal() == "the caller's 3 outbound calls of the day are used up"
        two.leaves("202")
    finally:
        await second.close()
    again = House(toll)
    third = TollKeeper(again.tolls, TollBook(url, "a"), lambda call_id, why: None)
    await third.start(DAY)
    assert again.tolls.total("caller 201") == Sum(3, 11 * 60.0), "each node writes its own"
    await third.close()
