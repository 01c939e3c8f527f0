"""Calls of two gateways that meet: places by NATS, and sound by SIP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Cluster, Nats, Phone, Queue, Sip, Store
from sipagent.events import CallStarted, MeetingChanged
from sipagent.testing import phone as softphone
from sipagent.testing.call import PhoneCall
from sipagent.testing.nats import NatsServer
from sipagent.testing.pitch import assert_all_hear_the_others
from sipagent.testing.server import LISTEN, Server, running

pytestmark = [pytest.mark.slow, pytest.mark.peer]

PLAN = """
routes: [{to: "100"}]
policy: {destinations: ["conference:team"]}
sections:
  main:
    - join_conference: {name: team, beep: false}
    - hangup
"""
QUEUES = {
    "caller": """
routes: [{to: "200"}]
policy: {destinations: ["queue:sales"]}
sections: {main: [answer, {enter_queue: {queue_name: sales, wait_time: 60}}, hangup]}
""",
    "clerk": """
routes: [{to: "201"}]
policy: {destinations: ["queue:sales"]}
sections: {main: [answer, {serve_queue: {queue_name: sales}}, hangup]}
""",
}
#: nobody is let in by address, nodes neither
NOBODY = (IPv4Network("192.0.2.0/24"),)
NAMES = ("1001", "1002", "1003", "1004")


@asynccontextmanager
async def two(folder: Path, plans: Any, **settings: Any) -> AsyncIterator[tuple[Server, Server]]:
    """Gateways `a` and `b` on one NATS server and one database."""
    async with NatsServer() as nats, AsyncExitStack() as stack:
        servers = []
        for name in ("a", "b"):
            settings |= {
                "cluster": Cluster(node=name, nats=Nats(servers=(nats.url,))),
                "sip": Sip(listen=LISTEN, guests=NOBODY),
                "phones": {user: Phone(password=SecretStr("s3cret")) for user in NAMES},
                "store": Store(
                    database=f"sqlite+aiosqlite:///{folder.absolute()}/calls.sqlite3",
                    bundles=folder.absolute() / name / "bundles",
                ),
            }
            server = running(folder / name, plans, **settings)
            servers.append(await stack.enter_async_context(server))
        a, b = servers
        await a.wait_for(lambda: nodes_of(a) == nodes_of(b) == {"a", "b"})
        yield a, b


def nodes_of(server: Server) -> set[str]:
    nodes = server.gateway.node.nodes
    assert nodes is not None
    return {node.node for node in nodes.view().nodes}


async def called(stack: AsyncExitStack, server: Server, name: str, number: str) -> PhoneCall:
    phone = await stack.enter_async_context(softphone.Phone(user=name, password="s3cret"))
    call = await phone.dial(server.uri(number))
    await call.wait_answered()
    return call


def changes(server: Server, change: str) -> int:
    return sum(isinstance(e, MeetingChanged) and e.change == change for e in server.events)


def members(server: Server) -> int:
    assert server.gateway.meetings is not None
    return server.gateway.meetings.desk.conferences.members("team")


async def test_four_callers_of_two_gateways_hear_each_other_in_one_conference(
    tmp_path: Path,
) -> None:
    async with two(tmp_path, PLAN) as (a, b), AsyncExitStack() as stack:
        first = await called(stack, a, "1001", "100")
        await a.wait_for(lambda: changes(a, "met") == 1)
        rest = list(
            await asyncio.gather(
                called(stack, a, "1002", "100"),
                called(stack, b, "1003", "100"),
                called(stack, b, "1004", "100"),
            )
        )
        await b.wait_for(lambda: changes(b, "met") == 2)
        await a.wait_for(lambda: members(a) == 4)
        assert members(b) == 0
        await assert_all_hear_the_others([first, *rest])
        visits = [e for e in a.events if isinstance(e, CallStarted) and e.plan == "meeting"]
        assert len(visits) == 2

        await rest.pop().hangup()
        await a.wait_for(lambda: members(a) == 3)
        await assert_all_hear_the_others([first, *rest])
        # its home takes no new calls, but who joins what it holds
        a.gateway.reception.draining = True
        rest.append(await called(stack, b, "1004", "100"))
        await a.wait_for(lambda: members(a) == 4)
        await rest.pop().hangup()
        await a.wait_for(lambda: members(a) == 3)
        # its own caller leaves, and the others stay
        await first.hangup()
        await a.wait_for(lambda: members(a) == 2)
        await assert_all_hear_the_others(rest)
        for call in rest:
            await call.hangup()
        await a.idle()
        await b.idle()
        assert (members(a), members(b)) == (0, 0)


async def test_who_waits_at_one_gateway_talks_with_a_clerk_at_the_other(tmp_path: Path) -> None:
    queues = {"sales": Queue()}
    async with two(tmp_path, QUEUES, queues=queues) as (a, b), AsyncExitStack() as stack:
        caller = await called(stack, a, "1001", "200")
        await a.wait_for(lambda: changes(a, "waiting") == 1)
        clerk = await called(stack, b, "1002", "201")
        await b.wait_for(lambda: changes(b, "met") == 1)
        await assert_all_hear_the_others([caller, clerk])
        await caller.hangup()
        await clerk.wait_ended()
        await a.idle()
        await b.idle()
