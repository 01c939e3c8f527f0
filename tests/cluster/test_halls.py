"""Halls: calls of several nodes in one conference, one queue, one parking lot."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic import BaseModel

from sipagent.call.meeting import Meet
from sipagent.call.services import Link
from sipagent.cluster.bus import BusAway, NobodyThere
from sipagent.cluster.halls import Halls
from sipagent.cluster.host import Host
from sipagent.cluster.leases import Leases
from sipagent.cluster.passes import LIFE, Passes
from sipagent.config import Queue
from sipagent.events import MeetingChanged
from sipagent.media.port import AudioPort
from sipagent.testing.fakes import FakeCall
from sipagent.testing.leasing import FakeLeaseBook
from sipagent.testing.meeting import House, dialled, do, values
from sipagent.testing.virtual import virtual_time
from sipagent.worker.protocol import Visit


class Ether:
    """What nodes' buses have in common; each model passes as JSON, in order, and not at once."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[type[BaseModel], Callable[[Any], None], LocalBus]] = {}
        self.asked: dict[
            str, tuple[type[BaseModel], Callable[[Any], Awaitable[Any]], LocalBus]
        ] = {}


class LocalBus:
    """A node's end of it, as `Bus`. While it is `away` nothing passes."""

    def __init__(self, ether: Ether) -> None:
        self.away = False
        self._ether = ether

    def subscribe(self, subject: str, told: type[Any], handler: Callable[[Any], None]) -> None:
        self._ether.told[subject] = told, handler, self

    def serve(
        self, subject: str, asked: type[Any], handler: Callable[[Any], Awaitable[Any]]
    ) -> None:
        self._ether.asked[subject] = asked, handler, self

    def publish(self, subject: str, told: BaseModel) -> bool:
        kind, handler, there = self._ether.told[subject]
        if self.away or there.away:
            return False
        known = kind.model_validate_json(told.model_dump_json())
        asyncio.get_running_loop().call_later(0.002, handler, known)
        return True

    async def request(
        self, subject: str, asked: BaseModel, answer: type[Any], timeout: float
    ) -> Any:
        if self.away:
            raise BusAway("NATS cannot be reached")
        kind, handler, there = self._ether.asked[subject]
        if there.away:
            raise NobodyThere(f"nobody serves {subject}")
        await asyncio.sleep(0.004)
        found = await handler(kind.model_validate_json(asked.model_dump_json()))
        return answer.model_validate_json(found.model_dump_json())


class Node:
    """Calls of one node, which meet those of the others."""

    def __init__(self, name: str, cluster: "Nodes") -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.house = House({"support": Queue(members=("sip:201@phones",))})
        self.bus = LocalBus(cluster.ether)
        self.passes = Passes(loop.time)
        leases = Leases(cluster.book, lambda: f"{name}#1", now=loop.time)
        host = Host(
            self.house.desk,
            self.bus,  # type: ignore[arg-type]
            self.passes,
            lambda: f"{name}.example:5060",
            patience=30,
            now=loop.time,
        )
        self.leases = leases
        self.halls = Halls(
            name,
            self.house.desk,
            self.bus,  # type: ignore[arg-type]
            leases,
            host,
            now=loop.time,
        )
        self.halls.start()
        self.house.halls = self.halls
        self.house.far = cluster.way

    async def joined(self, who: str, **arguments: Any) -> FakeCall:
        call = self.house.call(who)
        do(call, "join_conference", **{"name": "team", "beep": False, **arguments})
        await asyncio.sleep(0.5)
        return call


class Nodes:
    """Two of them, `a` and `b`."""

    def __init__(self) -> None:
        self.ether = Ether()
        self.book = FakeLeaseBook()
        self.visits: list[Visit] = []
        self.a, self.b = Node("a", self), Node("b", self)

    def way(
        self, port: AudioPort, meet: Meet, on_change: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Link]:
        """To another node's room, without SIP."""
        number, _, host = meet.address.removeprefix("sip:").partition("@")
        there = self.a if host.startswith("a.") else self.b
        visit = there.passes.redeem(number)
        assert visit is not None
        self.visits.append(visit)
        return there.house.mixer.link(port, visit.meet.room)

    async def close(self) -> None:
        for node in (self.a, self.b):
            await node.house.close()
        await asyncio.sleep(1)
        for node in (self.a, self.b):
            await node.halls.close()
            await node.leases.close()
            assert node.house.desk.places == 0


def changes(call: FakeCall) -> list[str]:
    return [event.change for event in call.all(MeetingChanged)]


def hears(call: FakeCall, since: int) -> bool:
    return any(call.caller.far.heard_pcm(since))


@virtual_time
async def test_calls_of_two_nodes_hear_each_other_in_one_conference() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice")
    bob = await nodes.b.joined("bob")
    assert nodes.a.house.desk.conferences.members("team") == 2
    assert nodes.b.house.desk.conferences.members("team") == 0
    assert [visit.hall for visit in nodes.visits] == ["conference:team"]
    for speaker, listener in ((alice, bob), (bob, alice)):
        start = listener.bridge.clock.t
        speaker.caller.far.talk(300)
        await asyncio.sleep(0.8)
        assert hears(listener, start)
    assert changes(alice) == ["waiting", "met", "entered"]
    assert changes(bob) == ["waiting", "met"]
    await nodes.close()


@virtual_time
async def test_a_leader_at_another_node_begins_and_ends_the_conference() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice", start_on_enter=False)
    assert changes(alice) == ["waiting"]
    leader = await nodes.b.joined("leader", end_on_exit=True)
    assert changes(alice) == ["waiting", "entered", "met"]
    await leader.close()
    nodes.b.halls.gone("worker1")
    await asyncio.sleep(0.5)
    assert changes(alice)[-1] == "over"
    await nodes.close()


@virtual_time
async def test_who_waits_at_one_node_is_served_by_a_call_at_the_other() -> None:
    nodes = Nodes()
    caller = nodes.a.house.call("caller")
    do(caller, "enter_queue", queue_name="sales", wait_time=60)
    await asyncio.sleep(0.5)
    clerk = nodes.b.house.call("clerk")
    do(clerk, "serve_queue", queue_name="sales")
    await asyncio.sleep(0.8)
    assert values(caller)["queue_result"] == values(clerk)["serve_result"] == "connected"
    start = caller.bridge.clock.t
    clerk.caller.far.talk(300)
    await asyncio.sleep(0.8)
    assert hears(caller, start)
    await nodes.close()


@virtual_time
async def test_a_member_is_rung_for_one_caller_at_a_time_whatever_node_they_called() -> None:
    nodes = Nodes()
    first, second = nodes.a.house.call("first"), nodes.b.house.call("second")
    do(first, "enter_queue", queue_name="support", wait_time=60)
    await asyncio.sleep(0.5)
    do(second, "enter_queue", queue_name="support", wait_time=60)
    await asyncio.sleep(0.5)
    assert [dialled(first), dialled(second)] == [["sip:201@phones"], []]
    assert values(second)["queue_position"] == 1  # the first is being put through
    await nodes.close()


@virtual_time
async def test_a_call_that_ends_while_the_bus_is_away_does_not_keep_its_seat() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice")
    bob = await nodes.b.joined("bob")
    nodes.b.bus.away = True
    await bob.close()
    nodes.b.halls.gone("worker1")
    await asyncio.sleep(8)
    assert nodes.a.house.desk.conferences.members("team") == 2
    nodes.b.bus.away = False
    carol = await nodes.b.joined("carol")
    await asyncio.sleep(15)
    assert nodes.a.house.desk.conferences.members("team") == 2
    assert changes(alice)[-2:] == ["entered", "left"]
    assert changes(carol)[-1] == "left"
    await nodes.close()


@virtual_time
async def test_a_bus_that_is_away_for_a_while_ends_no_conference() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice")
    bob = await nodes.b.joined("bob")
    nodes.b.bus.away = True
    await asyncio.sleep(20)
    nodes.b.bus.away = False
    await asyncio.sleep(10)
    assert nodes.a.house.desk.conferences.members("team") == 2
    start = alice.bridge.clock.t
    bob.caller.far.talk(300)
    await asyncio.sleep(0.8)
    assert hears(alice, start)
    await nodes.close()


@virtual_time
async def test_a_home_that_is_silent_for_a_moment_is_not_given_up() -> None:
    nodes = Nodes()
    await nodes.a.joined("alice")
    bob = await nodes.b.joined("bob")
    await asyncio.sleep(12)
    nodes.a.bus.away = True
    await asyncio.sleep(8)
    nodes.a.bus.away = False
    await asyncio.sleep(20)
    assert "over" not in changes(bob)
    assert nodes.a.house.desk.conferences.members("team") == 2
    await nodes.close()


@virtual_time
async def test_a_wish_that_its_home_did_not_hear_is_said_again() -> None:
    nodes = Nodes()
    await nodes.a.joined("alice")
    await asyncio.sleep(12)
    nodes.a.bus.away = True
    bob = await nodes.b.joined("bob")
    assert changes(bob) == []
    nodes.a.bus.away = False
    await asyncio.sleep(6)
    assert nodes.a.house.desk.conferences.members("team") == 2
    assert changes(bob)[-1] == "met"
    await nodes.close()


@virtual_time
async def test_who_leaves_before_the_home_is_found_has_no_seat_there() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice")
    nodes.book.away = True
    bob = await nodes.b.joined("bob")
    await bob.close()
    nodes.b.halls.gone("worker1")
    nodes.book.away = False
    await asyncio.sleep(4)
    assert nodes.a.house.desk.conferences.members("team") == 1
    assert changes(alice)[-1] == "left"
    await nodes.close()


@virtual_time
async def test_calls_in_a_conference_of_a_node_that_is_gone_are_told() -> None:
    nodes = Nodes()
    await nodes.a.joined("alice")
    bob = await nodes.b.joined("bob")
    nodes.a.bus.away = True
    await asyncio.sleep(40)
    over = bob.all(MeetingChanged)[-1]
    assert (over.change, over.detail) == ("over", "the node a, which held it, is gone")
    nodes.a.bus.away = False
    await nodes.close()


@virtual_time
async def test_a_node_that_is_silent_for_too_long_loses_its_seats() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice")
    await nodes.b.joined("bob")
    nodes.b.bus.away = True
    await asyncio.sleep(60)
    assert nodes.a.house.desk.conferences.members("team") == 1
    assert changes(alice)[-1] == "left"
    await nodes.close()


@virtual_time
async def test_the_last_to_leave_frees_the_name_for_any_node() -> None:
    nodes = Nodes()
    alice = await nodes.a.joined("alice")
    bob = await nodes.b.joined("bob")
    await alice.close()
    nodes.a.halls.gone("worker1")
    await asyncio.sleep(1)
    assert nodes.a.house.desk.conferences.members("team") == 1
    await bob.close()
    nodes.b.halls.gone("worker1")
    await asyncio.sleep(1)
    await nodes.b.joined("carol")
    assert nodes.b.house.desk.conferences.members("team") == 1
    assert nodes.a.house.desk.places == 0
    await nodes.close()


@virtual_time
async def test_a_caller_is_told_when_nobody_knows_who_holds_a_conference() -> None:
    nodes = Nodes()
    nodes.book.away = True
    call = nodes.a.house.call("alice")
    outcome = await do(call, "join_conference", name="team")
    assert not outcome.ok
    assert outcome.status == 503
    assert "who holds conference:team cannot be told" in outcome.detail
    nodes.book.away = False
    await nodes.close()


def test_a_pass_is_good_once_and_for_a_moment() -> None:
    clock = [0.0]
    passes = Passes(lambda: clock[0])
    visit = Visit(meet=Meet(room="r", address="/mixer"), hall="conference:team")
    number, late = passes.issue(visit), passes.issue(visit)
    assert number != late
    assert passes.good(number)
    assert passes.redeem(number) == visit
    assert not passes.good(number)
    assert passes.redeem(number) is None
    clock[0] = LIFE
    assert passes.redeem(late) is None
    assert passes.redeem("100") is None
