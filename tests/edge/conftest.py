"""An edge on loopback ports, with a desk, and workers and phones made to order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from sipagent.config import Listener, Settings, Sip
from sipagent.edge.desk import Address, Admitted
from sipagent.edge.front import Edge
from sipagent.edge.memory import Memory
from sipagent.edge.message import Message
from sipagent.edge.timers import Timers
from sipagent.testing.frontdoor import FakeDesk, TcpPeer, UdpPeer

FAST = Timers(
    t1=0.02, t2=0.08, give_up=0.5, admit=1.0, reach=1.0, linger=0.5, sweep=0.05, names=60.0
)
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
    "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


class Line:
    """A caller, the edge and a worker, with the moves every test needs."""

    def __init__(self, edge: Edge, desk: FakeDesk, stack: AsyncExitStack) -> None:
        self.edge = edge
        self.desk = desk
        self.stack = stack
        self.tokens = 0

    @property
    def public(self) -> Address:
        return self.edge.public_address

    @property
    def tcp(self) -> Address:
        return next(address for kind, address in self.edge.bound if kind == "TCP")

    def uri(self, user: str) -> str:
        host, port = self.public
        return f"sip:{user}@{host}:{port}"

    async def phone(self, host: str = "127.0.0.1") -> UdpPeer:
        peer = await UdpPeer.open(host)
        self.stack.callback(peer.close)
        return peer

    async def tcp_phone(self) -> TcpPeer:
        peer = await TcpPeer.connect(self.tcp)
        self.stack.push_async_callback(peer.close)
        return peer

    async def worker(self, *, waiting: bool = True) -> tuple[str, UdpPeer]:
        """A worker that is ready; `waiting` has the desk give it the next call."""
        self.tokens += 1
        token = f"tok{self.tokens}"
        peer = await self.phone()
        self.edge.worker_ready(token, peer.local)
        if waiting:
            self.desk.workers.append(Admitted(token, peer.local))
        return token, peer

    def send(self, peer: UdpPeer, data: bytes) -> None:
        peer.send(data, self.public)

    def answer(
        self, worker: UdpPeer, token: str, invite: Message, status: int = 200, tag: str = "wtag"
    ) -> Message:
        contact = self.uri(f"w.{token}")
        return worker.respond(invite, status, self.edge.internal_address, tag=tag, contact=contact)

    async def established(self, *, call_id: str = "one@test") -> tuple[UdpPeer, str, UdpPeer]:
        """A phone in a confirmed dialog with a worker."""
        phone = await self.phone()
        token, worker = await self.worker()
        self.send(phone, phone.request("INVITE", self.uri("100"), call_id=call_id, body=SDP))
        self.answer(worker, token, await worker.get("INVITE"))
        await phone.get(200)
        ack = phone.request("ACK", self.uri(f"w.{token}"), call_id=call_id, to_tag="wtag")
        self.send(phone, ack)
        await worker.get("ACK")
        return phone, token, worker

    def route(self) -> str:
        host, port = self.edge.internal_address
        return f"Route: <sip:{host}:{port};lr>"


@pytest.fixture
async def lines() -> AsyncIterator[Callable[..., Awaitable[Line]]]:
    """Makes edges: `await lines(settings=..., timers=...)`."""
    async with AsyncExitStack() as stack:

        async def make(
            settings: Settings | None = None, timers: Timers = FAST, memory: Memory | None = None
        ) -> Line:
            desk = FakeDesk()
            desk.gate.set()
            edge = Edge(settings or Settings(sip=Sip(listen=LISTEN)), desk, timers=timers)
            await edge.start(memory=memory)
            stack.push_async_callback(edge.close)
            return Line(edge, desk, stack)

        yield make


@pytest.fixture
async def line(lines: Callable[..., Awaitable[Line]]) -> AsyncIterator[Line]:
    """An edge with the default settings. No bug of ours may have been met when it ends."""
    made = await lines()
    yield made
    assert made.edge.counters.exceptions == 0
