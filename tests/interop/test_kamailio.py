"""Kamailio as the registrar and proxy of a trunk: registered, called, calling, and surviving it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Limits, Trunk
from sipagent.edge.trunks.status import Cause, Reach, Standing, TrunkStatus
from sipagent.events import CallStarted, Event, LegChanged, Said
from sipagent.testing.both_ways import two_way
from sipagent.testing.kamailio import Kamailio
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.server import Server, running

pytestmark = [pytest.mark.peer, pytest.mark.slow]
CONFIG = Path(__file__).with_name("kamailio.cfg")
ANSWERS = """
routes: [{to: "7000", trunk: pbx}]
agents:
  desk:
    greeting: "Rossi and Sons, good morning."
    tools: [hangup]
    intents:
      bye: {phrases: ["goodbye"], digits: "9", say: "Goodbye.", do: {hangup: {}}}
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""
CONNECTS = """
routes: [{to: "100"}]
policy: {destinations: ["tel:1001"]}
sections:
  main: [answer, {connect: {to: "1001"}}, hangup]
"""


def kamailio(algorithm: str = "MD5", longest: int = 3600, port: int | None = None) -> Kamailio:
    return Kamailio(CONFIG, port=port, ALGORITHM=algorithm, MAX_EXPIRES=str(longest))


@asynccontextmanager
async def served(folder: Path, pbx: Kamailio, **more: Any) -> AsyncIterator[Server]:
    """A server that is 7000 at Kamailio."""
    more_trunks = more.pop("before", {})
    registration = {"retry_seconds": 0.5} | more.pop("registration", {})
    keys = {
        "host": "127.0.0.1", "port": pbx.port, "username": "7000", "password": "agentsecret",
        "answer_seconds": 1.0, "registration": registration,
    } | more  # fmt: skip
    trunks = more_trunks | {"pbx": Trunk.model_validate(keys)}
    plans = {"answers": ANSWERS, "connects": CONNECTS}
    async with running(folder, plans, trunks=trunks, limits=Limits(warm=1)) as server:
        yield server


def statuses(server: Server) -> dict[str, TrunkStatus]:
    return {status.name: status for status in server.gateway.edge.trunks.statuses}


def status(server: Server) -> TrunkStatus:
    return statuses(server)["pbx"]


async def until(server: Server, wanted: Callable[[TrunkStatus], bool]) -> TrunkStatus:
    await server.wait_for(lambda: wanted(status(server)), timeout=30)
    return status(server)


async def registered(server: Server) -> TrunkStatus:
    return await until(server, lambda s: s.registration is Standing.REGISTERED)


async def call_in(server: Server, pbx: Kamailio) -> None:
    """A stranger calls 7000 at Kamailio, and the agent speaks."""
    seen = len(server.events)

    def mine(kind: type[Event]) -> Callable[[Event], bool]:
        return lambda event: isinstance(event, kind)

    async with Phone(user="stranger", proxy=("127.0.0.1", pbx.port)) as phone:
        call = await phone.dial(f"sip:7000@{pbx.address}")
        await call.wait_answered()
        started = await server.until(mine(CallStarted), since=seen)
        assert isinstance(started, CallStarted)
        assert started.why == "to 7000, trunk pbx"
        assert status(server).calls == 1
        await call.wait_for_speech(10)
        await server.until(mine(Said), since=seen)
        await call.hangup()
    await server.idle()
    await server.wait_for(lambda: status(server).calls == 0)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.rfc("3261", "a call comes in through our registration at Kamailio")
async def test_a_caller_reaches_the_agent_through_the_registration(
    tmp_path: Path, algorithm: str
) -> None:
    async with kamailio(algorithm) as pbx, served(tmp_path, pbx) as server:
        assert (await registered(server)).registrar == pbx.address
        assert "sip:7000@" in await pbx.contacts()
        await call_in(server, pbx)
        await server.gateway.drain()
        assert "sip:7000@" not in await pbx.contacts()


@pytest.mark.rfc("3261", "a call goes out through Kamailio, which asks for a password")
async def test_a_call_goes_out_through_it_with_a_password(tmp_path: Path) -> None:
    async with (
        kamailio() as pbx,
        served(tmp_path, pbx) as server,
        Phone(user="1001", password="pw1001") as callee,
        Phone() as caller,
    ):
        await registered(server)
        await callee.register(f"sip:{pbx.address}")
        call = await caller.dial(server.uri("100"))
        await call.wait_answered()
        other = await callee.wait_call()
        await other.wait_answered()
        assert other.remote == "sip:7000@127.0.0.1"
        assert status(server).calls == 1
        await two_way(call, other)
        await other.hangup()
        await call.wait_ended()
        await server.idle()
        states = {e.leg: e.state for e in server.events if isinstance(e, LegChanged)}
        assert set(states.values()) == {"disconnected"}
        await server.wait_for(lambda: status(server).calls == 0)


@pytest.mark.rfc("3261", "a call leaves by the next trunk when the first is dead")
async def test_a_call_leaves_by_the_next_trunk_when_the_first_is_dead(tmp_path: Path) -> None:
    dead = Trunk(host="127.0.0.1", port=free_port(), answer_seconds=0.5)
    async with (
        kamailio() as pbx,
        served(tmp_path, pbx, before={"dead": dead}) as server,
        Phone(user="1001", password="pw1001") as callee,
        Phone() as caller,
    ):
        await server.wait_for(lambda: statuses(server)["pbx"].reach is Reach.UP)
        await callee.register(f"sip:{pbx.address}")
        call = await caller.dial(server.uri("100"))
        await call.wait_answered()
        other = await callee.wait_call()
        await other.wait_answered()
        await call.hangup()
        await server.idle()
        await server.wait_for(lambda: {s.calls for s in statuses(server).values()} == {0})


@pytest.mark.rfc("3261", "registration through a restart of Kamailio")
async def test_a_registrar_that_forgot_us_is_told_again(tmp_path: Path) -> None:
    async with kamailio() as pbx, served(tmp_path, pbx, options_seconds=0.5) as server:
        await registered(server)
        await pbx.stop()
        await until(server, lambda s: s.reach is Reach.DOWN)
        await pbx.start()
        await until(server, lambda s: s.reach is Reach.UP)
        async with asyncio.timeout(20):
            while "sip:7000@" not in await pbx.contacts():
                await asyncio.sleep(0.1)
        await call_in(server, pbx)


@pytest.mark.rfc("3261", "registration through a restart of Kamailio")
async def test_a_registrar_gone_for_a_while_is_waited_for(tmp_path: Path) -> None:
    async with kamailio(longest=2) as pbx, served(tmp_path, pbx) as server:
        await registered(server)
        await pbx.stop()
        failed = await until(server, lambda s: s.failures >= 2)
        assert (failed.cause, failed.reach) == (Cause.NO_ANSWER, Reach.DOWN)
        assert pbx.address in failed.why
        await pbx.start()
        await registered(server)
        await call_in(server, pbx)


@pytest.mark.rfc("3261", "registration through a changed password, at Kamailio")
async def test_a_changed_password_is_reported_and_asked_about_less_and_less(
    tmp_path: Path,
) -> None:
    async with kamailio(longest=2) as pbx, served(tmp_path, pbx) as server:
        await registered(server)
        await pbx.set_password("7000", "another")
        failed = await until(server, lambda s: s.failures >= 3)
        assert failed.cause is Cause.WRONG_PASSWORD
        assert "wrong password: 401" in failed.why
        assert failed.reach is Reach.DOWN
        await pbx.set_password("7000", "agentsecret")
        assert (await registered(server)).failures == 0


async def test_a_wrong_password_says_so(tmp_path: Path) -> None:
    async with kamailio() as pbx, served(tmp_path, pbx, password="wrong") as server:
        # a Kamailio that is slow to answer at first is another cause
        failed = await until(server, lambda s: s.cause is Cause.WRONG_PASSWORD)
        assert failed.failures >= 1
        assert failed.retry is not None


@pytest.mark.rfc("3261", "an account Kamailio does not know is told as 403")
async def test_an_account_it_does_not_know_is_forbidden(tmp_path: Path) -> None:
    async with kamailio() as pbx, served(tmp_path, pbx, username="nobody") as server:
        failed = await until(server, lambda s: s.cause is Cause.FORBIDDEN)
        assert (failed.failures >= 1, failed.why) == (True, "forbidden: 403 Unknown user")


async def test_a_dead_primary_is_passed_over(tmp_path: Path) -> None:
    registrars = [f"127.0.0.1:{free_port()}"]
    async with kamailio() as pbx:
        registration = {"registrars": [*registrars, pbx.address]}
        async with served(tmp_path, pbx, registration=registration) as server:
            assert (await registered(server)).registrar == pbx.address
            await call_in(server, pbx)


@pytest.mark.rfc("3263", "a dead registrar gives way to the next, and is taken back")
async def test_a_primary_that_dies_gives_way_to_the_second(tmp_path: Path) -> None:
    async with kamailio(longest=2) as first, kamailio(longest=2) as second:
        registration = {"registrars": [first.address, second.address]}
        async with served(tmp_path, first, registration=registration) as server:
            assert (await registered(server)).registrar == first.address
            await first.stop()
            await until(server, lambda s: s.registrar == second.address)
            await call_in(server, second)
            await first.start()
            await until(server, lambda s: s.registrar == first.address)
            await call_in(server, first)


@pytest.mark.rfc("5626", "a lost connection is made again and registered on")
async def test_a_lost_connection_is_made_again(tmp_path: Path) -> None:
    async with kamailio() as pbx, served(tmp_path, pbx, transport="tcp") as server:
        await registered(server)
        assert "transport=tcp" in await pbx.contacts()
        await call_in(server, pbx)
        await pbx.stop()  # an hour before the next refresh
        failed = await until(server, lambda s: s.failures >= 1)
        assert failed.cause is Cause.UNREACHABLE
        await pbx.start()
        await registered(server)
        await call_in(server, pbx)
