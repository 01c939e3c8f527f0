"""A trunk's registration is made by one node at a time: edges, a registrar, and leases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sipagent.cluster.leases import Leases, Pace
from sipagent.cluster.turns import LeasedTurns
from sipagent.config import Front, Settings, Sip, Trunk
from sipagent.edge.front import Edge
from sipagent.edge.message import Message
from sipagent.edge.timers import Timers
from sipagent.edge.trunks.status import Standing, TrunkStatus
from sipagent.testing.frontdoor import FakeDesk
from sipagent.testing.leasing import FakeLeaseBook
from sipagent.testing.registrar import Registrar

FRONT = Front(address="192.0.2.1:5070")
#: nothing is lost by it, however a loaded machine stalls; and soon, where something is to be
PACE = Pace(life=30.0, renew=0.3, guard=0.5, again=0.1)
SOON = Pace(life=2.0, renew=0.3, guard=0.5, again=0.1)
LISTEN = [{"transport": "udp", "port": 0}]


@dataclass
class NodeEdge:
    """The front door of a node, and its leases."""

    name: str
    edge: Edge
    leases: Leases
    #: others would go on
    others: bool = True

    @property
    def status(self) -> TrunkStatus:
        return self.edge.trunks.statuses[0]

    async def stands(self, standing: Standing) -> TrunkStatus:
        async with asyncio.timeout(30):
            while self.status.registration is not standing:
                await asyncio.sleep(0.01)
        return self.status


@asynccontextmanager
async def node(
    name: str,
    pbx: Registrar,
    book: FakeLeaseBook,
    front: Front | None = FRONT,
    *,
    pace: Pace = PACE,
    **more: object,
) -> AsyncIterator[NodeEdge]:
    trunk = {
        "host": pbx.address[0], "port": pbx.address[1], "username": "7000", "password": "secret",
        "answer_seconds": 5, "registration": {"expires": 600, "retry_seconds": 0.1}, **more,
    }  # fmt: skip
    sip = Sip.model_validate({"listen": LISTEN, "guests": []})
    settings = Settings(sip=sip, trunks={"pbx": Trunk.model_validate(trunk)})
    edge = Edge(settings, FakeDesk(), timers=Timers(t1=0.05, watch=0.05))
    leases = Leases(book, lambda: f"{name}#1", pace)
    made = NodeEdge(name, edge, leases)
    edge.turns = LeasedTurns(leases, front, lambda: made.others)
    await edge.start()
    try:
        edge.trunks.start()
        yield made
    finally:
        await edge.close()
        await leases.close()


def asked_for(register: Message) -> int:
    return int(register.text(b"expires"))


def call_ids(pbx: Registrar) -> list[bytes]:
    """Of who registered, in the order in which they began."""
    return list(dict.fromkeys(register.call_id for register in pbx.registers))


async def test_one_of_two_nodes_registers_with_the_address_of_the_front() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx, node("a", pbx, book) as a:
        await a.stands(Standing.REGISTERED)
        async with node("b", pbx, book) as b:
            elsewhere = await b.stands(Standing.ELSEWHERE)
            while not b.status.node:
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)
            assert (elsewhere.why, b.status.node) == ("", "a")
            assert len(call_ids(pbx)) == 1
            assert pbx.registers[-1].text(b"contact").startswith(b"<sip:7000@192.0.2.1:5070;line=")


async def test_a_node_that_leaves_hands_over_without_a_moment_unregistered() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx, node("a", pbx, book) as a, node("b", pbx, book) as b:
        a.leases.on_free = b.leases.freed
        b.leases.on_free = a.leases.freed
        first, second = (a, b) if await _registers(a, b) is a else (b, a)
        await first.edge.trunks.leave()
        await second.stands(Standing.REGISTERED)
        assert len(call_ids(pbx)) == 2
        assert all(asked_for(register) for register in pbx.registers), "nothing was taken back"


async def test_the_last_node_that_leaves_takes_the_registration_back() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx, node("a", pbx, book) as a:
        await a.stands(Standing.REGISTERED)
        a.others = False
        await a.edge.trunks.leave()
        assert asked_for(pbx.registers[-1]) == 0


async def test_without_a_front_a_node_takes_its_own_contact_back_before_it_hands_over() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx:
        async with node("a", pbx, book, None) as a, node("b", pbx, book, None) as b:
            first, second = (a, b) if await _registers(a, b) is a else (b, a)
            await first.edge.trunks.leave()
            await second.stands(Standing.REGISTERED)
        told = [(r.call_id, asked_for(r)) for r in pbx.registers]
        one, two = call_ids(pbx)
        taken_back = told.index((one, 0))
        assert all(call_id == one for call_id, _ in told[: taken_back + 1])
        assert all(call_id == two for call_id, _ in told[taken_back + 1 :])


async def test_a_node_whose_lease_nobody_can_confirm_stops_to_register_and_says_why() -> None:
    book = FakeLeaseBook()
    async with Registrar(grants=1) as pbx, node("a", pbx, book, pace=SOON) as a:
        await a.stands(Standing.REGISTERED)
        book.away = True
        status = await a.stands(Standing.ELSEWHERE)
        assert "does not answer" in status.why
        count = len(pbx.registers)
        await asyncio.sleep(1.5)  # it would have been refreshed by now
        assert len(pbx.registers) == count
        book.away = False
        await a.stands(Standing.REGISTERED)
        assert len(call_ids(pbx)) == 1


async def test_a_register_is_not_repeated_once_another_node_may_register() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx:
        pbx.silent = True
        async with node("a", pbx, book, pace=SOON, answer_seconds=2.5) as a:
            await pbx.until(lambda: len(pbx.registers) > 1)
            book.away = True
            await a.stands(Standing.ELSEWHERE)
            count = len(pbx.registers)
            await asyncio.sleep(1.0)  # twelve times T1, at least two repetitions
            assert len(pbx.registers) == count


async def test_a_trunk_whose_settings_change_is_registered_anew_by_one_node() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx, node("a", pbx, book) as a, node("b", pbx, book) as b:
        holder = await _registers(a, b)
        trunks = {"pbx": holder.edge._settings.trunks["pbx"]}
        changed = trunks["pbx"].model_copy(update={"caller_id": "+4420"})
        holder.edge.trunks.reload({"pbx": changed})
        async with asyncio.timeout(30):
            while len(call_ids(pbx)) < 2:
                await asyncio.sleep(0.01)
        now = await _registers(a, b)
        await (b if now is a else a).stands(Standing.ELSEWHERE)


async def test_a_node_that_is_to_take_calls_again_may_register_again() -> None:
    book = FakeLeaseBook()
    async with Registrar() as pbx, node("a", pbx, book) as a:
        await a.stands(Standing.REGISTERED)
        await a.edge.trunks.leave()
        a.edge.trunks.start()
        await a.stands(Standing.REGISTERED)


async def _registers(*nodes: NodeEdge) -> NodeEdge:
    """The one that is registered first."""
    async with asyncio.timeout(30):
        while True:
            for made in nodes:
                if made.status.registration is Standing.REGISTERED:
                    return made
            await asyncio.sleep(0.01)
