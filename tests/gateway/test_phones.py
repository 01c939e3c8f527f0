"""Phones of our own, with nothing but this server: registered, called, and calling each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from sipagent.config import Phone as Account
from sipagent.config import Registrar, Sip
from sipagent.errors import LegFailed
from sipagent.events import CallStarted, LegChanged, PolicyDecided, VerbDone
from sipagent.testing.baresip import Baresip
from sipagent.testing.both_ways import two_way
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone, refuse_with, ring_for_ever
from sipagent.testing.server import LISTEN, Server, running
from sipagent.testing.signals import noise, share

PASSWORD = "s3cret"
#: of what was said; the rest may fall to a jitter buffer, or to the moment before both are joined
MOST = 0.5
PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    silence_seconds: 600
    tools: [transfer]
    intents:
      ann: {digits: "1", do: {transfer: {to: "201"}}}
      nobody: {digits: "2", do: {transfer: {to: "203"}}}
policy: {destinations: ["sip:*@phones"]}
sections:
  main: [answer, {ai: {agent: desk}}]
"""
ACCOUNTS = {name: Account(password=SecretStr(PASSWORD)) for name in ("201", "202", "203")}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    registrar = Registrar(internal_calls=True)
    async with running(tmp_path, PLAN, phones=ACCOUNTS, registrar=registrar) as made:
        yield made
        assert made.gateway.edge.counters.exceptions == 0


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def phone(stack: AsyncExitStack, server: Server, user: str = "201", **options: Any) -> Phone:
    """A registered phone of ours."""
    made = Phone(user=user, password=PASSWORD, **options)
    await stack.enter_async_context(made)
    await made.register(registrar(server, options.get("transport", "udp")))
    return made


def registrar(server: Server, transport: Literal["udp", "tcp"] = "udp") -> str:
    return server.uri("", transport).replace("sip:@", "sip:")


def hosted(server: Server, transport: Literal["udp", "tcp"] = "udp") -> str:
    host, port = server.address(transport)
    return f"{host}:{port}"


async def transferred(caller: Phone, server: Server, key: str = "1") -> PhoneCall:
    """A call to the agent, who was asked to put it through."""
    call = await caller.dial(server.uri("100"))
    await call.wait_answered()
    await call.press(key)
    return call


async def refusal(call: PhoneCall) -> int:
    with pytest.raises(LegFailed) as refused:
        await call.wait_answered()
    return refused.value.status


async def heard(call: PhoneCall, said: bytes) -> None:
    """Most of it has arrived. Raises TimeoutError."""
    async with asyncio.timeout(20):
        while share(said, call.stream.heard.pcm(), 8000) < MOST:
            await asyncio.sleep(0.1)


async def test_a_wrong_password_registers_nothing(server: Server) -> None:
    async with Phone(user="201", password="guess") as stranger:
        with pytest.raises(LegFailed, match="403"):
            await stranger.register(registrar(server))
    assert server.gateway.edge.bindings == ()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.rfc("3261", "a call is put through to a registered phone")
async def test_an_agent_puts_a_caller_through_to_an_extension(
    server: Server, stack: AsyncExitStack, transport: Literal["udp", "tcp"]
) -> None:
    ann = await phone(stack, server, transport=transport)
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    incoming = await ann.wait_call()
    await incoming.wait_answered()
    await two_way(call, incoming)
    decided = await server.until(lambda e: isinstance(e, PolicyDecided) and e.verb == "transfer")
    assert isinstance(decided, PolicyDecided)
    assert decided.allowed
    await incoming.hangup()
    await call.wait_ended()
    await server.idle()
    await server.wait_for(lambda: server.gateway.edge.dialogs == 0)


async def test_the_agent_is_told_that_a_phone_is_not_registered(
    server: Server, stack: AsyncExitStack
) -> None:
    caller = await stack.enter_async_context(Phone())
    await transferred(caller, server, "2")
    done = await server.until(lambda e: isinstance(e, VerbDone) and e.verb == "transfer")
    assert isinstance(done, VerbDone)
    assert (done.ok, done.status) == (False, 480)
    assert "203 is not available" in done.detail


@pytest.mark.rfc("3261", "forking: all ring, the first to answer wins, CANCEL to the others (16.7)")
async def test_all_places_ring_and_the_others_fall_silent_when_one_answers(
    server: Server, stack: AsyncExitStack
) -> None:
    desk, mobile = await phone(stack, server), await phone(stack, server)
    desk.on_call = ring_for_ever
    assert len(server.gateway.edge.bindings) == 2
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    missed, taken = await desk.wait_call(), await mobile.wait_call()
    await taken.wait_answered()
    ended = await missed.wait_ended()
    assert (ended.by, ended.status) == ("remote", 487)
    await two_way(call, taken)
    await call.hangup()
    await taken.wait_ended()
    await server.idle()


@pytest.mark.rfc("3261", "forking: a caller who gives up cancels every branch")
async def test_a_caller_who_hangs_up_silences_every_place(
    server: Server, stack: AsyncExitStack
) -> None:
    places = [await phone(stack, server) for _ in range(2)]
    for place in places:
        place.on_call = ring_for_ever
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    ringing = [await place.wait_call() for place in places]
    await call.hangup()
    for one in ringing:
        assert (await one.wait_ended()).status == 487
    await server.idle()


@pytest.mark.rfc("3581", "a phone behind NAT talks both ways")
async def test_a_phone_behind_a_nat_talks_both_ways(server: Server, stack: AsyncExitStack) -> None:
    ann = await phone(stack, server, advertised=("10.1.2.3", 5070))
    (registration,) = server.gateway.edge.bindings
    assert registration.contact == "sip:201@10.1.2.3:5070"
    assert registration.source == ann.address
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    incoming = await ann.wait_call()
    await incoming.wait_answered()
    await two_way(call, incoming)
    await call.hangup()  # our BYE has to find it too
    await incoming.wait_ended()
    await server.idle()


async def test_a_phone_that_started_anew_is_the_one_that_rings(
    server: Server, stack: AsyncExitStack
) -> None:
    async with AsyncExitStack() as before:
        await phone(before, server)
    ann = await phone(stack, server)
    assert len(server.gateway.edge.bindings) == 2  # the old one does not know it is gone
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    await (await ann.wait_call()).wait_answered()
    await call.hangup()
    await server.idle()


async def test_phones_stay_registered_when_the_dialplans_are_read_again(
    server: Server, stack: AsyncExitStack
) -> None:
    ann, caller = await phone(stack, server), await stack.enter_async_context(Phone())
    server.gateway.reload()
    call = await transferred(caller, server)
    await (await ann.wait_call()).wait_answered()
    await call.hangup()


# phones call each other


async def test_phones_call_each_other_where_no_plan_takes_the_number(
    server: Server, stack: AsyncExitStack
) -> None:
    ann, bob = await phone(stack, server), await phone(stack, server, "202")
    call = await bob.dial(server.uri("201"))
    await call.wait_answered()
    incoming = await ann.wait_call()
    assert incoming.remote.startswith("sip:202@")
    await two_way(call, incoming)
    await incoming.hangup()
    await call.wait_ended()
    await server.idle()
    began = next(event for event in server.events if isinstance(event, CallStarted))
    assert (began.plan, began.why) == ("extensions", "202 calls the phone 201")


async def test_a_phone_learns_why_the_other_did_not_answer(
    server: Server, stack: AsyncExitStack
) -> None:
    ann, bob = await phone(stack, server), await phone(stack, server, "202")
    ann.on_call = refuse_with(486)
    assert await refusal(await bob.dial(server.uri("201"))) == 486
    assert await refusal(await bob.dial(server.uri("203"))) == 480
    await server.idle()


async def test_a_phone_rings_another_until_it_hangs_up(
    server: Server, stack: AsyncExitStack
) -> None:
    ann, bob = await phone(stack, server), await phone(stack, server, "202")
    ann.on_call = ring_for_ever
    call = await bob.dial(server.uri("201"))
    incoming = await ann.wait_call()
    await call.hangup()
    assert (await incoming.wait_ended()).status == 487
    await server.idle()


async def test_nobody_but_a_phone_calls_a_phone(server: Server, stack: AsyncExitStack) -> None:
    ann = await phone(stack, server)
    guest = await stack.enter_async_context(Phone(user="202"))
    assert await refusal(await guest.dial(server.uri("201"))) == 401
    assert ann.calls == []


async def test_phones_do_not_call_each_other_unless_they_may(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    sip = Sip(listen=LISTEN, guests=(IPv4Network("192.0.2.0/24"),))
    async with running(tmp_path, PLAN, phones=ACCOUNTS, sip=sip) as server:
        ann, bob = await phone(stack, server), await phone(stack, server, "202")
        assert await refusal(await bob.dial(server.uri("201"))) == 404
        assert ann.calls == []


# a softphone that is not ours


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.rfc("3261", "baresip registers with us and is called")
async def test_baresip_registers_and_is_reached_at_its_extension(
    server: Server, stack: AsyncExitStack, transport: Literal["udp", "tcp"]
) -> None:
    ours, theirs = noise(1, 2000, 8000), noise(2, 5000, 8000)
    softphone = Baresip(
        user="201",
        password=PASSWORD,
        registrar=hosted(server, transport),
        transport=transport,
        answer="auto",
        play=theirs,
    )
    baresip = await stack.enter_async_context(softphone)
    await baresip.wait_registered()
    (registration,) = server.gateway.edge.bindings
    assert (registration.extension, registration.transport) == ("201", transport)
    assert registration.agent.startswith("baresip")
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    await baresip.wait_event("CALL_ESTABLISHED")
    await server.until(
        lambda e: isinstance(e, LegChanged) and e.role == "callee" and e.state == "confirmed"
    )
    await call.play(ours)
    await heard(call, theirs)
    await call.hangup()
    await baresip.wait_event("CALL_CLOSED")
    assert share(ours, baresip.heard(), 8000) >= MOST
    await server.idle()


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.rfc("3261", "baresip stops ringing when another answered")
async def test_of_two_baresips_one_answers_and_the_other_stops_ringing(
    server: Server, stack: AsyncExitStack
) -> None:
    def softphone(answer: Literal["manual", "auto"]) -> Baresip:
        return Baresip(user="201", password=PASSWORD, registrar=hosted(server), answer=answer)

    rings = await stack.enter_async_context(softphone("manual"))
    await rings.wait_registered()
    answers = await stack.enter_async_context(softphone("manual"))
    await answers.wait_registered()
    caller = await stack.enter_async_context(Phone())
    call = await transferred(caller, server)
    await rings.wait_event("CALL_INCOMING")
    await answers.wait_event("CALL_INCOMING")
    await answers.accept()
    await answers.wait_event("CALL_ESTABLISHED")
    await rings.wait_event("CALL_CLOSED")
    assert not any(e.type == "CALL_ESTABLISHED" for e in rings.events)
    await call.hangup()
    await answers.wait_event("CALL_CLOSED")
    await server.idle()


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.rfc("3261", "baresip calls another extension")
async def test_baresip_calls_another_extension(server: Server, stack: AsyncExitStack) -> None:
    """It is on a network of guests, so nobody asks it who it is until it calls a phone."""
    ann = await phone(stack, server)
    softphone = Baresip(user="202", password=PASSWORD, registrar=hosted(server))
    baresip = await stack.enter_async_context(softphone)
    await baresip.wait_registered()
    await baresip.dial("201")
    incoming = await ann.wait_call()
    await incoming.wait_answered()
    await baresip.wait_event("CALL_ESTABLISHED")
    await baresip.hangup()
    await incoming.wait_ended()
    await server.idle()
