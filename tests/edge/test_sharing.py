"""Phones that register at one node and are called by another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from pydantic import SecretStr

from sipagent.config import Cluster, Front, Listener, Phone, Registrar, Settings, Sip
from sipagent.edge.front import Edge
from sipagent.edge.message import Message
from sipagent.edge.timers import Timers
from sipagent.store.bindings import BindingBook, BindingsAway, Row, Value
from sipagent.testing.digest import authorization
from sipagent.testing.frontdoor import FakeDesk, UdpPeer

LISTEN = (Listener(port=0),)
FRONT = "127.0.0.7"
FAST = Timers(
    t1=0.02, t2=0.08, give_up=30.0, admit=1.0, reach=1.0, linger=0.5, sweep=0.05, names=60.0
)


class Frail(BindingBook):
    """A book whose database can be away."""

    away = False

    async def read(self, extension: str) -> Row:
        self._look()
        return await super().read(extension)

    async def changed(self, since: float) -> tuple[Sequence[Row], float]:
        self._look()
        return await super().changed(since)

    async def write(self, row: Row, held: Sequence[Value]) -> bool:
        self._look()
        return await super().write(row, held)

    def _look(self) -> None:
        if self.away:
            raise BindingsAway("pulled out")


class Node:
    """A node's front door, and its book."""

    def __init__(self, edge: Edge, book: Frail) -> None:
        self.edge, self.book = edge, book

    async def worker(self, token: str) -> UdpPeer:
        peer = await UdpPeer.open()
        self.edge.worker_ready(token, peer.local)
        return peer

    def uri(self, user: str) -> str:
        return "sip:{}@{}:{}".format(user, *self.edge.public_address)

    def call(self, worker: UdpPeer, user: str) -> None:
        """A worker calls a phone of ours."""
        route = "Route: <sip:{}:{};lr>".format(*self.edge.internal_address)
        contact = f"Contact: <{self.uri('w.t')}>"
        asked = worker.request("INVITE", self.uri(user), contact=contact, extra=(route,))
        worker.send(asked, self.edge.internal_address)

    def known(self) -> list[str]:
        return [known.contact for known in self.edge.bindings]


@asynccontextmanager
async def node(folder: Path, name: str) -> AsyncIterator[Node]:
    front = Front(address=f"{FRONT}:5060", trusted=(IPv4Network(f"{FRONT}/32"),))
    cluster = Cluster(node=name, front=front)
    settings = Settings(
        sip=Sip(listen=LISTEN),
        phones={"201": Phone(password=SecretStr("pw"))},
        registrar=Registrar(min_expires=60, contacts=2),
        cluster=cluster,
    )
    book = Frail(f"sqlite+aiosqlite:///{folder}/shared.sqlite3", patience=30)
    await book.read("nobody")  # the tables are made before, as they are by a server's records
    edge = Edge(settings, FakeDesk(), timers=FAST, book=book)
    await edge.start()
    try:
        yield Node(edge, book)
    finally:
        await edge.close()
        assert edge.counters.exceptions == 0


async def register(
    at: Node, front: UdpPeer, phone: str, *, call_id: str, expires: int = 600, cseq: int = 1
) -> Message:
    """A phone registers, by way of the front; what it is granted."""
    path = "Path: <sip:{}:{};lr;received=sip:198.51.100.7:5060>".format(*front.local)
    said = ("X-Sipagent-Source: 198.51.100.7:5060", f"Expires: {expires}", path)
    uri, contact = at.uri("201"), f"Contact: <{phone}>"

    def asked(number: int, *more: str) -> bytes:
        extra = (*said, *more)
        return front.request(
            "REGISTER", uri, call_id=call_id, cseq=number, contact=contact, extra=extra
        )

    front.send(asked(cseq), at.edge.public_address)
    challenge = (await front.get(401)).text(b"www-authenticate").decode()
    proof = authorization(
        challenge, "pw", uri=uri, method="REGISTER", user="201", algorithm="SHA-256"
    )
    proven = asked(cseq + 1, proof)
    front.send(proven, at.edge.public_address)
    front.send(proven, at.edge.public_address)  # as phones do whose 200 is late
    granted = await front.get(200)
    front.send(proven, at.edge.public_address)  # and whose 200 was lost
    assert (await front.get(200)).cseq == granted.cseq
    return granted


@pytest.fixture
async def front() -> AsyncIterator[UdpPeer]:
    peer = await UdpPeer.open(FRONT)
    yield peer
    peer.close()


async def test_a_phone_is_called_by_a_node_it_never_registered_at(
    tmp_path: Path, front: UdpPeer
) -> None:
    async with node(tmp_path, "b") as b:
        worker = await b.worker("t")
        async with node(tmp_path, "a") as a:
            await register(a, front, "sip:201@192.168.1.5:5062", call_id="one")
            b.call(worker, "201")  # at once: it does not wait for news
            invite = await front.get("INVITE")
            assert invite.uri == b"sip:201@192.168.1.5:5062"
            assert b"received=sip:198.51.100.7:5060" in invite.text(b"route")
        b.call(worker, "201")  # and when the node it registered at is gone
        await front.get("INVITE")
        worker.close()


async def test_a_phone_that_leaves_at_one_node_has_left_all(tmp_path: Path, front: UdpPeer) -> None:
    async with node(tmp_path, "a") as a, node(tmp_path, "b") as b:
        worker = await a.worker("t")
        contact = "sip:201@192.168.1.5:5062"
        await register(a, front, contact, call_id="one")
        left = await register(b, front, contact, call_id="one", expires=0, cseq=3)
        assert left.get(b"contact") is None
        a.call(worker, "201")
        assert (await worker.get(480)).status == 480
        worker.close()


async def test_phones_that_register_at_two_nodes_at_once_are_both_kept(
    tmp_path: Path, front: UdpPeer
) -> None:
    async with node(tmp_path, "a") as a, node(tmp_path, "b") as b:
        other = await UdpPeer.open(FRONT)
        await asyncio.gather(
            register(a, front, "sip:201@192.168.1.5", call_id="one"),
            register(b, other, "sip:201@192.168.1.6", call_id="two"),
        )
        last = await register(b, other, "sip:201@192.168.1.6", call_id="two", cseq=3)
        assert len(last.values(b"contact")) == 2
        full = await register(a, front, "sip:201@192.168.1.7", call_id="three")
        contacts = {value.partition(b">")[0] for value in full.values(b"contact")}
        assert contacts == {b"<sip:201@192.168.1.6", b"<sip:201@192.168.1.7"}  # the oldest went
        other.close()


async def test_without_the_database_a_phone_is_granted_little_and_calls_ring_what_is_known(
    tmp_path: Path, front: UdpPeer
) -> None:
    async with node(tmp_path, "a") as a, node(tmp_path, "b") as b:
        worker = await b.worker("t")
        contact = "sip:201@192.168.1.5"
        await register(a, front, contact, call_id="one")
        async with asyncio.timeout(10):
            while b.known() != [contact]:  # news, without a call
                await asyncio.sleep(0.05)
        a.book.away = b.book.away = True
        granted = await register(a, front, contact, call_id="one", cseq=3)
        assert granted.values(b"contact") == [b"<sip:201@192.168.1.5>;expires=60"]
        b.call(worker, "201")
        assert (await front.get("INVITE")).uri == contact.encode()
        worker.close()


async def test_a_connection_of_another_node_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    async with node(tmp_path, "a") as a, node(tmp_path, "b") as b:
        phone = await UdpPeer.open()
        row = await a.book.read("201")
        held = [
            {
                "uri": "sip:201@192.168.1.5;transport=tcp", "q": 1000, "outbound": "",
                "call_id": "x", "cseq": 1, "path": [], "agent": "", "seconds": 600,
                # the number of a socket that b has, too
                "peer": [next(iter(b.edge._listeners._flows)), *phone.local],
                "until": row.now + 600, "node": "a",
            }
        ]  # fmt: skip
        assert await a.book.write(row, held)
        worker = await b.worker("t")
        b.call(worker, "201")
        await worker.get(480)
        assert phone.silent()
        phone.close()
        worker.close()
