"""Somebody outside a call sees it, acts on it and is told how that came out, over real SIP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipagent.api.calls import CallOver, NotUnderstood, Numbered, Principal, UnknownCall
from sipagent.config import Api
from sipagent.events import CallEnded, CallStarted, OutsideAsked, PolicyDecided, Said, StepStarted
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import dial, the

from .door import FEW

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    intents:
      note: {phrases: ["what is the news"], say: "The shop closes early."}
policy: {destinations: ["sip:second@127.0.0.1:*"], limits: {send_digits: 1}}
sections:
  main: [answer, {ai: {agent: desk}}, {play: "silence:0.1"}, hangup]
"""
WAITING = """
routes: [{to: "200"}]
sections:
  main: [answer, {play: "silence:60"}, hangup]
  closing: [{play: "silence:0.1"}, hangup]
"""
PLANS = {"desk": PLAN, "waiting": WAITING}
DESK = Principal("api:desk", "127.0.0.1")


async def the_call(server: Server) -> str:
    """The id of the one call."""
    started: CallStarted = await the(server, CallStarted)
    return started.call_id


@pytest.mark.slow
async def test_a_live_call_is_seen_acted_on_and_put_through(tmp_path: Path) -> None:
    async with (
        Phone(user="alice") as alice,
        Phone(user="second") as second,
        running(tmp_path, PLANS, limits=FEW) as server,
    ):
        live = server.gateway.live
        call = await dial(alice, server, "100")
        call_id = await the_call(server)
        await the(server, Said, text="Hello.")
        (view,) = (await live.list()).calls
        assert (view.call_id, view.state, view.plan) == (call_id, "up", "desk")
        said = await live.do(call_id, "say", {"text": "One moment please."}, DESK)
        assert said.ok
        told = await live.do(call_id, "tell", {"text": "what is the news", "role": "user"}, DESK)
        assert told.ok
        await the(server, Said, text="The shop closes early.")
        data = await live.do(call_id, "set_global_data", {"data": {"vip": True}}, DESK)
        assert (data.ok, data.detail) == (True, "set vip")
        assert (await live.do(call_id, "send_digits", {"digits": "12"}, DESK)).ok
        again = await live.do(call_id, "send_digits", {"digits": "3"}, DESK)
        assert (again.ok, again.status) == (False, 403)
        assert "already used 1 times" in again.detail
        far = await live.do(call_id, "transfer", {"to": "sip:eve@evil.example"}, DESK)
        assert (far.ok, far.status) == (False, 403)
        through = await live.do(call_id, "transfer", {"to": second.uri}, DESK)
        assert (through.ok, through.status) == (True, 200)
        view = await live.get(call_id)
        assert view.connected_to.startswith("sip:second@")
        # the agent has left, and the plan waits until the two have parted
        assert (await live.do(call_id, "tell", {"text": "hi"}, DESK)).status == 409
        assert not call.ended.done()
        words = [line.text for line in await live.transcript(call_id)]
        assert "The shop closes early." in words
        await second.calls[0].hangup()
        await call.wait_ended()
        await server.ended()
        view = await live.get(call_id)
        assert (view.state, view.connected_to) == ("ended", "")
        with pytest.raises(CallOver):
            await live.do(call_id, "hold", {}, DESK)
        asked = [e for e in server.events if isinstance(e, OutsideAsked)]
        assert [e.verb for e in asked] == [
            "say", "tell", "set_global_data", "send_digits", "send_digits", "transfer", "transfer",
            "tell",
        ]  # fmt: skip
        assert {(e.by, e.origin) for e in asked} == {("api:desk", "127.0.0.1")}
        denied = [e for e in server.events if isinstance(e, PolicyDecided) and not e.allowed]
        assert [e.by for e in denied] == ["api:desk", "api:desk"]


async def test_a_call_is_sent_to_another_section_and_hung_up_on(tmp_path: Path) -> None:
    async with Phone(user="alice") as alice, running(tmp_path, PLANS, limits=FEW) as server:
        live = server.gateway.live
        call = await dial(alice, server, "200")
        call_id = await the_call(server)
        nowhere = await live.do(call_id, "transfer", {"dest": "nowhere"}, DESK)
        assert (nowhere.ok, nowhere.status) == (False, 404)
        # a document from outside does no more than whoever brought it may do
        few = Principal("api:few", verbs=frozenset({"transfer", "play"}))
        document = {"sections": {"main": [{"hold": {}}, {"play": "silence:60"}]}}
        assert (await live.do(call_id, "transfer", {"dest": document}, few)).ok
        denied: PolicyDecided = await the(server, PolicyDecided, verb="hold", by="api:few")
        assert not denied.allowed
        assert (await live.do(call_id, "transfer", {"dest": "closing"}, DESK)).ok
        await the(server, StepStarted, section="closing", verb="hangup")
        await call.wait_ended()
        await server.ended()

        call = await dial(alice, server, "200")
        second: CallStarted = await the(server, CallStarted, 2)
        long = asyncio.create_task(live.do(second.call_id, "play", {"url": "silence:60"}, DESK))
        await the(server, OutsideAsked, verb="play")
        assert (await live.do(second.call_id, "hangup", {}, DESK)).ok
        await call.wait_ended()
        out = await long
        assert (out.ok, out.status) == (False, 487)
        await server.ended(2)


async def test_who_asks_for_less_than_a_verb_hears_what_is_wrong(tmp_path: Path) -> None:
    policy = {"limits": {"say": 0}}
    api = Api.model_validate({"port": 0, "policy": policy})
    async with (
        Phone(user="alice") as alice,
        running(tmp_path, PLANS, limits=FEW, api=api) as server,
    ):
        live = server.gateway.live
        call = await dial(alice, server, "200")
        call_id = await the_call(server)
        with pytest.raises(UnknownCall):
            await live.do("nobody", "hold", {}, DESK)
        with pytest.raises(NotUnderstood, match="no verb 'goto'"):
            await live.do(call_id, "goto", {"label": "x"}, DESK)
        with pytest.raises(NotUnderstood, match="timeout: ") as wrong:
            await live.do(call_id, "hold", {"timeout": -1}, DESK)
        assert wrong.value.place == "timeout"
        bounded = await live.do(call_id, "say", {"text": "Hi"}, DESK)
        assert (bounded.ok, bounded.status) == (False, 403)
        few = Principal("api:few", verbs=frozenset({"hold"}))
        assert (await live.do(call_id, "mute", {}, few)).status == 403
        assert (await live.do(call_id, "hold", {}, few)).ok
        assert (await live.get(call_id)).on_hold
        # whoever does not wait any more does not want it any more
        waiting = asyncio.create_task(live.do(call_id, "play", {"url": "silence:60"}, DESK))
        await the(server, OutsideAsked, verb="play")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await _a_stream_ends_with_its_call_and_can_be_read_again(server, call, call_id)


async def _a_stream_ends_with_its_call_and_can_be_read_again(
    server: Server, call: PhoneCall, call_id: str
) -> None:
    live = server.gateway.live
    stream = live.events(call_id, after=0)
    begun = [await anext(stream) for _ in range(3)]
    assert [item.seq for item in begun] == [1, 2, 3]
    rest = asyncio.ensure_future(_all(live.events(call_id, after=3)))
    await call.hangup()
    seen = await rest
    assert isinstance(seen[-1].event, CallEnded)
    assert [item.seq for item in seen] == list(range(4, 4 + len(seen)))
    await server.bundle(call_id)
    again = await _all(live.events(call_id, after=3))
    assert [item.event for item in again][: len(seen)] == [item.event for item in seen]
    with pytest.raises(UnknownCall):
        await _all(live.events("nobody"))


async def _all(stream: AsyncIterator[Numbered]) -> list[Numbered]:
    return [item async for item in stream]
