"""Who gets in: room for one more, a plan for the number, a network or a password."""

import asyncio
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from pydantic import SecretStr

from sipagent.config import Limits, Sip
from sipagent.config import Phone as Account
from sipagent.errors import LegFailed
from sipagent.events import CallStarted
from sipagent.testing.call import PhoneCall
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.phone import Phone
from sipagent.testing.server import LISTEN, Server, running

PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
"""
ELSEWHERE = Sip(listen=LISTEN, guests=(IPv4Network("192.0.2.0/24"),))


async def refusal(phone: Phone, uri: str) -> int:
    """The final status of a call that is refused."""
    with pytest.raises(LegFailed) as refused:
        await (await phone.dial(uri)).wait_answered()
    return refused.value.status


async def answered(phone: Phone, server: Server) -> PhoneCall:
    call = await phone.dial(server.uri("100"))
    await call.wait_answered()
    return call


@pytest.mark.rfc("3261", "no room: 503 with Retry-After")
async def test_a_full_house_says_when_to_try_again_and_then_has_room(tmp_path: Path) -> None:
    limits = Limits(calls=2, warm=2)
    async with running(tmp_path, PLAN, limits=limits) as server, Phone() as phone:
        first, second = await answered(phone, server), await answered(phone, server)
        assert await refusal(phone, server.uri("100")) == 503
        stranger = await UdpPeer.open()
        try:
            invite = stranger.request("INVITE", server.uri("100"))
            stranger.send(invite, server.address())
            assert (await stranger.get(503)).get(b"retry-after") == b"5"
        finally:
            stranger.close()
        await first.hangup()
        await server.wait_for(lambda: server.workers.stats.idle == 1)
        third = await answered(phone, server)
        for call in (second, third):
            await call.hangup()
        await server.idle()
        await server.wait_for(lambda: server.workers.stats.processes == 2)
        assert len((await server.gateway.store.search()).calls) == 3


async def test_a_burst_beyond_the_house_is_refused_not_queued(tmp_path: Path) -> None:
    limits = Limits(calls=3, warm=1)
    async with running(tmp_path, PLAN, limits=limits) as server, Phone() as phone:
        calls = [await phone.dial(server.uri("100")) for _ in range(8)]
        ends = await asyncio.gather(*(c.wait_answered() for c in calls), return_exceptions=True)
        refused = [end.status for end in ends if isinstance(end, LegFailed)]
        assert ends.count(None) == 3
        assert refused == [503] * 5
        await asyncio.gather(*(call.hangup() for call in calls if not call.ended.done()))
        await server.idle()
        # what was forked for calls that gave up ends within a ping or two
        await server.wait_for(lambda: server.workers.stats.processes == 1)


async def test_strangers_are_refused_and_cost_no_worker(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN, sip=ELSEWHERE) as server, Phone() as phone:
        assert await refusal(phone, server.uri("100")) == 403
        assert server.workers.stats.counts.get("taken", 0) == 0
        assert server.events == []


@pytest.mark.rfc("7616", "a phone's INVITE is challenged")
async def test_a_phone_proves_itself_by_its_password(tmp_path: Path) -> None:
    phones = {"alice": Account(password=SecretStr("wonderland"))}
    async with running(tmp_path, PLAN, sip=ELSEWHERE, phones=phones) as server:
        async with Phone(user="alice", password="wonderland") as alice:
            await (await answered(alice, server)).hangup()
            assert await refusal(alice, server.uri("999")) == 404
        async with Phone(user="alice", password="looking glass") as impostor:
            assert await refusal(impostor, server.uri("100")) in (401, 403)
        async with Phone(user="mallory", password="wonderland") as stranger:
            assert await refusal(stranger, server.uri("100")) in (401, 403)
        async with Phone(user="alice") as silent:
            assert await refusal(silent, server.uri("100")) == 401
        await server.idle()
        assert server.workers.stats.counts["taken"] == 1
        assert sum(isinstance(event, CallStarted) for event in server.events) == 1
