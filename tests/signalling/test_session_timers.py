"""Calls that must be refreshed, or else are over (RFC 4028)."""

import asyncio
import time
from typing import Any

import pytest

from sipagent.config import Sip
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.server import LISTEN, Server
from sipagent.testing.sip.message import Headers

Serve = Any
Open = Any

#: 100 waits, 101 calls the other phone
PLANS = {
    "waits": 'routes: [{to: "100"}]\nsections: {main: [answer, {sleep: 600000}]}\n',
    "connects": """
routes: [{to: "101"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections: {main: [answer, {connect: {to: "${call.headers['X-Callee']}", ringback: []}}, hangup]}
""",
}
#: the least RFC 4028 allows
EXPIRES = 90
REFRESHES = 3


def timed(refresher: str) -> Headers:
    return (("Session-Expires", f"{EXPIRES};refresher={refresher}"), ("Supported", "timer"))


def refreshes(call: PhoneCall) -> int:
    """How often the far end refreshed the session."""
    later = [*call.distinct("UPDATE"), *call.distinct("INVITE")[1 if call.invite else 0 :]]
    return sum("Session-Expires" in dict(m.headers) for m in later)


async def _refreshed(server: Server, call: PhoneCall, until: float) -> None:
    """The far end refreshes in time, and the call lives on."""
    async with asyncio.timeout(until - time.perf_counter()):
        while refreshes(call) < REFRESHES:
            await asyncio.sleep(0.5)
            assert not call.ended.done()
    await call.hangup()


async def _refreshing(call: PhoneCall) -> None:
    """We refresh half-way, as the far end expects, and the call lives on."""
    for _ in range(REFRESHES):
        await asyncio.sleep(EXPIRES / 2)
        assert not call.ended.done()
        await call.session.update(timed("uac"), offer=False)
    assert not call.ended.done()
    await call.hangup()


async def _forgotten(call: PhoneCall) -> float:
    """We promise to refresh, and do not: the far end says BYE, before the session expires."""
    began = time.perf_counter()
    end = await call.wait_ended(EXPIRES + 20)
    assert end.by == "remote"
    return time.perf_counter() - began


async def _callee(server: Server, caller: Phone, bob: Phone, refresher: str) -> PhoneCall:
    """A call of ours to bob, in which `refresher` is to refresh."""

    async def answer(call: PhoneCall) -> None:
        call.session.usual = timed(refresher)
        call.answer()

    bob.on_call = answer
    first = await caller.dial(server.uri("101"), headers={"X-Callee": bob.uri})
    await first.wait_answered()
    return await bob.wait_call()


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.rfc("4028", "session refreshed by us, called and calling (90 s, three refreshes)")
@pytest.mark.rfc("4028", "session refreshed by the far end (90 s, three refreshes)")
@pytest.mark.rfc("4028", "a session nobody refreshes ends with BYE")
async def test_sessions_of_ninety_seconds_live_through_three_refreshes(
    serve: Serve, phone: Open
) -> None:
    server = await serve(PLANS, sip=Sip(listen=LISTEN, session_expires=EXPIRES))
    alice, caller = await phone(user="alice"), await phone(user="caller")
    bob, carol = await phone(user="bob"), await phone(user="carol")
    until = time.perf_counter() + EXPIRES / 2 * REFRESHES + 30

    calls = []
    for refresher in ("uas", "uac", "uac"):
        call = await alice.dial(server.uri("100"), headers=dict(timed(refresher)))
        call.session.usual = timed("uac")  # who refreshes is the client of that request
        await call.wait_answered()
        (answer,) = call.distinct(200)
        assert answer.get("Session-Expires") == f"{EXPIRES};refresher={refresher}"
        calls.append(call)
    by_them, by_us, by_nobody = calls
    called_by_them = await _callee(server, caller, bob, "uac")
    called_by_us = await _callee(server, caller, carol, "uas")
    for call in (called_by_them, called_by_us):
        assert call.invite is not None
        assert call.invite.get("Session-Expires") == str(EXPIRES)
        call.session.usual = timed("uac")

    *_, lived = await asyncio.gather(
        _refreshed(server, by_them, until),
        _refreshed(server, called_by_them, until),
        _refreshing(by_us),
        _refreshing(called_by_us),
        _forgotten(by_nobody),
    )
    assert EXPIRES / 2 < lived <= EXPIRES + 5
    assert by_nobody.messages("BYE")
    end = await server.ended()
    assert (end.status, end.by) == (408, "system")
    await asyncio.gather(*(call.hangup() for call in caller.calls))
    await server.idle()


@pytest.mark.rfc("4028", "422 and Min-SE, called and calling")
async def test_a_session_too_short_is_negotiated_up(serve: Serve, phone: Open) -> None:
    server = await serve(PLANS, sip=Sip(listen=LISTEN, session_min=120))
    alice, bob = await phone(user="alice"), await phone(user="bob")
    short = {"Session-Expires": "100", "Supported": "timer"}
    call = await alice.dial(server.uri("100"), headers=short)
    assert (await call.wait_ended()).status == 422
    assert call.messages(422)[0].get("Min-SE") == "120"
    longer = short | {"Session-Expires": "120", "Min-SE": "120"}
    call = await alice.dial(server.uri("100"), headers=longer)
    await call.wait_answered()
    assert call.messages(200)[0].get("Session-Expires").startswith("120;")
    await call.hangup()

    async def too_short(call: PhoneCall) -> None:
        assert call.invite is not None
        if int(call.invite.get("Session-Expires")) < 3600:
            call.refuse(422, (("Min-SE", "3600"),))
        else:
            call.session.usual = (("Session-Expires", "3600;refresher=uac"), ("Supported", "timer"))
            call.answer()

    bob.on_call = too_short
    call = await alice.dial(server.uri("101"), headers={"X-Callee": bob.uri})
    again = await bob.wait_call(2)
    await again.wait_answered()
    assert again.invite is not None
    assert (again.invite.get("Session-Expires"), again.invite.get("Min-SE")) == ("3600", "3600")
    await call.hangup()
    await server.idle()
