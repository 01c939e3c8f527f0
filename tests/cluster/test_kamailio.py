"""The configuration made for Kamailio, run by a real one between peers made by hand."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Network
from typing import Any

import pytest

from sipagent.edge.message import Message
from sipagent.testing.front import front
from sipagent.testing.frontdoor import TcpPeer, UdpPeer
from sipagent.testing.kamailio import Kamailio

pytestmark = pytest.mark.peer


class Node(UdpPeer):
    """Answers the dispatcher's questions as told, and leaves the rest to the test."""

    health = 200

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"OPTIONS") and b"dispatcher@" in data:
            lines = re.findall(rb"(?m)^(?:Via|From|To|Call-ID|CSeq):.*\r\n", data)
            status = b"SIP/2.0 %d So\r\n" % self.health
            self.send(status + b"".join(lines) + b"Content-Length: 0\r\n\r\n", addr)
            return
        super().datagram_received(data, addr)

    @property
    def place(self) -> str:
        return "{}:{}".format(*self.local)


class Bed:
    """Two nodes behind Kamailio, and whoever calls."""

    def __init__(self, kamailio: Kamailio, nodes: list[Node], stack: AsyncExitStack) -> None:
        self.kamailio, self.nodes, self._stack = kamailio, nodes, stack
        self._branches: set[bytes] = set()
        self.at = ("127.0.0.1", kamailio.port)

    def uri(self, user: str) -> str:
        return f"sip:{user}@{self.kamailio.address}"

    async def peer(self, host: str = "127.0.0.50") -> UdpPeer:
        peer = await UdpPeer.open(host)
        self._stack.callback(peer.close)
        return peer

    async def call(self, caller: UdpPeer, call_id: str, *extra: str) -> tuple[Node, Message]:
        """An INVITE, and the node it comes out at."""
        caller.send(
            caller.request("INVITE", self.uri("100"), call_id=call_id, extra=extra), self.at
        )
        waits = {asyncio.ensure_future(self._new(node)): node for node in self.nodes}
        done, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in rest:
            wait.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        first = done.pop()
        return waits[first], first.result()

    async def _new(self, node: Node) -> Message:
        """A node's next INVITE that it did not have before; what is answered late comes again."""
        while (invite := await node.get("INVITE")).via.branch in self._branches:
            pass
        self._branches.add(invite.via.branch)
        return invite

    async def answers(self, node: Node, calls: set[str], status: int) -> None:
        """A node answers the INVITEs of these calls, and none of them comes twice to it as a new
        one; Kamailio repeats what is not answered soon.
        """
        seen: dict[str, bytes] = {}
        while seen.keys() != calls:
            invite = await node.get("INVITE")
            branch = seen.setdefault(invite.call_id.decode(), invite.via.branch)
            assert invite.via.branch == branch
            node.respond(invite, status, self.at, tag="n", contact=f"sip:w@{node.place}")

    async def active(self, *places: str) -> None:
        """Wait until exactly these nodes are given calls."""
        async with asyncio.timeout(20):
            while True:
                told = await self.kamailio.command("dispatcher.list")
                found = re.findall(r"URI: sip:(\S+)\s+FLAGS: A", told)
                if set(found) == set(places):
                    return
                await asyncio.sleep(0.1)


#: one socket for everybody, and one of its own towards the nodes
ONE: dict[str, Any] = {}
TWO = {"inside": "127.0.0.2:PORT"}


@asynccontextmanager
async def bed(**layout: Any) -> AsyncIterator[Bed]:
    async with AsyncExitStack() as stack:
        nodes = []
        for host in ("127.0.0.11", "127.0.0.12"):
            node = await Node.open(host)
            assert isinstance(node, Node)
            stack.callback(node.close)
            nodes.append(node)
        places = {name: node.place for name, node in zip("ab", nodes, strict=True)}
        kamailio = await stack.enter_async_context(front(places, **layout))
        made = Bed(kamailio, nodes, stack)
        await made.active(*places.values())
        yield made


async def test_calls_are_spread_and_say_whom_they_are_from() -> None:
    async with bed() as made:
        caller = await made.peer()
        seen = []
        for n in range(6):
            forged = "X-Sipagent-Source: 192.0.2.1:5060"
            node, invite = await made.call(caller, f"spread{n}", forged)
            seen.append(node.place)
            assert invite.values(b"x-sipagent-source") == [
                b"127.0.0.50:%d;transport=udp" % caller.local[1]
            ]
            node.respond(invite, 603, made.at, tag="n")
        assert {seen.count(node.place) for node in made.nodes} == {3}


@pytest.mark.parametrize("layout", [ONE, TWO])
async def test_a_call_goes_on_by_the_node_that_took_it_and_ends_there(
    layout: dict[str, Any],
) -> None:
    async with bed(**layout) as made:
        caller = await made.peer()
        for n in range(3):
            call = f"whole{n}"
            node, invite = await made.call(caller, call)
            contact = f"sip:w.{n}@{node.place}"
            node.respond(invite, 200, made.at, tag="n", contact=contact)
            ok = await caller.get(200)
            routes = [f"Route: {value.decode()}" for value in ok.values(b"record-route")[::-1]]
            assert routes
            for method in ("ACK", "BYE"):
                caller.send(
                    caller.request(
                        method, contact, call_id=call, to_tag="n", cseq=2, extra=tuple(routes)
                    ),
                    made.at,
                )
                assert (await node.get(method)).call_id == call.encode()
            elsewhere = caller.request(
                "BYE", "sip:victim@192.0.2.1", call_id=call, to_tag="n", extra=tuple(routes)
            )
            caller.send(elsewhere, made.at)
            await caller.get(403)  # nobody is relayed to where no node is


async def test_a_silent_node_is_passed_over_and_stays_in_service() -> None:
    async with bed() as made:
        caller = await made.peer()
        node, _ = await made.call(caller, "silent")
        other = next(n for n in made.nodes if n is not node)
        invite = await other.get("INVITE")
        other.respond(invite, 200, made.at, tag="o", contact=f"sip:w@{other.place}")
        assert (await caller.get(200)).to.tag == b"o"
        await made.active(*(n.place for n in made.nodes))


async def test_a_full_node_gives_way_and_gets_no_more_calls() -> None:
    async with bed() as made:
        caller = await made.peer()
        full, invite = await made.call(caller, "full")
        full.health = 503
        full.respond(invite, 503, made.at, tag="f")
        other = next(n for n in made.nodes if n is not full)
        other.respond(await other.get("INVITE"), 486, made.at, tag="o")
        await caller.get(486)
        await made.active(other.place)
        for n in range(3):
            node, invite = await made.call(caller, f"after{n}")
            assert node is other
            node.respond(invite, 486, made.at, tag="o")
        full.health = 200
        await made.active(*(n.place for n in made.nodes))
        other.health = full.health = 503
        await made.active()
        caller.send(caller.request("INVITE", made.uri("100"), call_id="nobody"), made.at)
        assert (await caller.get(503)).text(b"retry-after") == b"5"


async def test_calls_placed_after_a_node_died_are_all_answered_by_the_next() -> None:
    async with bed() as made:
        dead, lives = made.nodes
        dead.close()
        callers = [await made.peer() for _ in range(6)]
        for n, caller in enumerate(callers):
            caller.send(caller.request("INVITE", made.uri("100"), call_id=f"late{n}"), made.at)
        await made.answers(lives, {f"late{n}" for n in range(6)}, 200)
        for caller in callers:
            assert (await caller.get(200)).to.tag == b"n"
        await made.active(lives.place)  # from now on nobody waits


async def test_where_no_node_is_left_callers_are_told_to_come_again() -> None:
    async with bed() as made:
        dead, full = made.nodes
        dead.close()
        # one of them is the dead node's at first, the other the full one's
        callers = [await made.peer() for _ in range(2)]
        for n, caller in enumerate(callers):
            caller.send(caller.request("INVITE", made.uri("100"), call_id=f"none{n}"), made.at)
        await made.answers(full, {"none0", "none1"}, 503)
        for caller in callers:
            assert (await caller.get(503)).text(b"retry-after") == b"5"


async def test_a_node_that_broke_over_a_call_says_so_to_its_caller() -> None:
    async with bed() as made:
        caller = await made.peer()
        first, invite = await made.call(caller, "breaks")
        first.respond(invite, 500, made.at, tag="f")
        other = next(n for n in made.nodes if n is not first)
        other.respond(await other.get("INVITE"), 500, made.at, tag="o")
        assert (await caller.get(500)).get(b"retry-after") is None


async def test_a_trunk_is_waited_for_longer_than_a_node_and_its_refusal_is_passed_on() -> None:
    async with bed(patience_ms=300) as made:
        trunk, node = await made.peer("127.0.0.60"), made.nodes[0]
        target = "sip:7000@{}:{}".format(*trunk.local)
        route = f"Route: <sip:{made.kamailio.address};lr>"
        node.send(node.request("INVITE", target, extra=(route,)), made.at)
        await trunk.get("INVITE")
        again = await trunk.get("INVITE")  # half a second later
        trunk.respond(again, 503, made.at, tag="t")
        assert (await node.get(503)).to.tag == b"t"


async def test_who_asked_for_a_password_and_died_is_followed_by_the_next() -> None:
    async with bed() as made:
        caller = await made.peer()
        asked = []
        dead = made.nodes[0]
        for n in range(4):
            node, invite = await made.call(caller, f"proof{n}")
            node.respond(invite, 401, made.at, tag="c")
            await caller.get(401)
            if node is dead:
                asked.append(f"proof{n}")
        dead.close()
        lives = made.nodes[1]
        proof = 'Authorization: Digest username="x", realm="r", nonce="n", response="r"'
        # one would have been the dead node's anyway, the other's turn was that of the next
        for call_id in asked:
            again = caller.request("INVITE", made.uri("100"), call_id=call_id, extra=(proof,))
            caller.send(again, made.at)
        await made.answers(lives, set(asked), 403)
        told: set[str] = set()
        while told != set(asked):
            told.add((await caller.get(403)).call_id.decode())
        assert len(told) == 2


async def test_what_answers_a_challenge_comes_to_the_node_that_asked() -> None:
    async with bed() as made:
        caller = await made.peer()
        for n in range(4):
            node, invite = await made.call(caller, f"asked{n}")
            node.respond(invite, 401, made.at, tag="c")
            await caller.get(401)
            proof = 'Authorization: Digest username="x", realm="r", nonce="n", response="r"'
            again, _ = await made.call(caller, f"asked{n}", proof)
            assert again is node
            again.respond(_, 403, made.at, tag="c")


@pytest.mark.parametrize("layout", [ONE, TWO])
async def test_a_phone_is_reached_by_the_way_it_registered_through_any_node(
    layout: dict[str, Any],
) -> None:
    async with bed(**layout) as made:
        phone = await TcpPeer.connect(made.at)
        try:
            register = phone.request("REGISTER", f"sip:{made.kamailio.address}")
            phone.send(register)
            waits = [asyncio.ensure_future(node.get("REGISTER")) for node in made.nodes]
            done, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in rest:
                wait.cancel()
            got = done.pop().result()
            paths = got.values(b"path")
            inner = layout.get("inside", made.kamailio.address).partition(":")[0]
            assert f"sip:{inner}".encode() in paths[0]
            contact = got.values(b"contact")[0].decode().strip("<>")
            for node in made.nodes:
                routes = tuple(f"Route: {path.decode()}" for path in paths)
                invite = node.request("INVITE", contact, extra=routes)
                node.send(invite, (inner, made.kamailio.port))
                rings = await phone.get("INVITE")
                assert rings.get(b"route") is None
                assert rings.values(b"record-route")
        finally:
            await phone.close()


async def test_a_node_calls_a_trunk_and_registers_there_through_it() -> None:
    async with bed() as made:
        trunk = await made.peer("127.0.0.60")
        node = made.nodes[0]
        route = f"Route: <sip:{made.kamailio.address};lr>"
        for method in ("INVITE", "REGISTER", "OPTIONS"):
            target = "sip:7000@{}:{}".format(*trunk.local)
            node.send(node.request(method, target, extra=(route,)), made.at)
            got = await trunk.get(method)
            assert (got.get(b"route"), got.uri) == (None, target.encode())
            assert got.get(b"x-sipagent-source") is None
        stranger = await made.peer("127.0.0.51")
        target = "sip:7000@{}:{}".format(*trunk.local)
        extra = (route, "Route: <sip:{}:{};lr>".format(*trunk.local))
        stranger.send(stranger.request("INVITE", target, extra=extra), made.at)
        await stranger.get(403)
        assert trunk.silent()


async def test_a_flood_is_not_answered_and_trunks_are_no_flood() -> None:
    trunks = (IPv4Network("127.0.0.60/32"),)
    async with bed(flood=20, trunks=trunks) as made:
        flood, trunk = await made.peer(), await made.peer("127.0.0.60")
        for peer in (flood, trunk):
            for n in range(60):
                peer.send(
                    peer.request("BYE", made.uri("x"), call_id=f"f{n}", to_tag="none"), made.at
                )
        answered = {(await trunk.get(404)).call_id for _ in range(60)}
        assert len(answered) == 60
        heard = 0
        while not flood.silent():
            await flood.raw()
            heard += 1
        assert 0 < heard < 60
