"""park and retrieve, on calls that meet at a real desk. There are the slots 701 to 703."""

import asyncio
from typing import Any

import pytest

from sipagent.call.cdr import fold
from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.call.verb import Outcome
from sipagent.events import MeetingChanged, Warned
from sipagent.testing.fakes import BUSY, FakeCall, Script
from sipagent.testing.meeting import House, do, values
from sipagent.testing.plans import program
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

DESK = "sip:desk@pbx.example"
Doing = asyncio.Future[Outcome]


async def parked(house: House, who: str = "alice", **arguments: Any) -> tuple[FakeCall, Doing]:
    call = house.call(who)
    parking = do(call, "park", **arguments)
    await asyncio.sleep(0.1)
    return call, parking


@virtual_time
async def test_a_parked_caller_hears_music_and_then_whoever_retrieves_them() -> None:
    house = House()
    alice, parking = await parked(house, music="music")
    await asyncio.sleep(2)
    assert any(alice.caller.far.heard_pcm(1000))
    assert values(alice)["park_slot"] == "701"
    desk = house.call("desk")
    retrieving = do(desk, "retrieve", slot=701)
    await asyncio.sleep(0.2)
    since, desk_since = alice.bridge.clock.t, desk.bridge.clock.t
    desk.caller.far.talk(200)
    alice.caller.far.talk(200)
    await asyncio.sleep(0.6)
    assert any(alice.caller.far.heard_pcm(since))
    assert any(desk.caller.far.heard_pcm(desk_since))
    desk.caller.hang_up_remotely()
    outcome = await parking
    assert outcome.detail == "was parked at 701 and retrieved by desk"
    assert (outcome.ok, outcome.status, values(alice)["park_result"]) == (True, 200, "retrieved")
    assert not (await retrieving).ok  # its caller hung up
    assert alice.caller.state is LegState.CONFIRMED
    assert house.desk.places == 0
    assert house.mixer.links == []
    assert [e.change for e in alice.all(MeetingChanged)] == ["waiting", "met", "over"]
    (transfer,) = fold(alice.events).transfers
    assert (transfer.verb, transfer.target, transfer.ok) == ("park", "desk", True)
    await house.close()


@virtual_time
async def test_the_one_who_retrieved_goes_on_when_the_parked_caller_hangs_up() -> None:
    house = House()
    alice, _ = await parked(house)
    desk = house.call("desk")
    retrieving = do(desk, "retrieve", slot="701")
    await asyncio.sleep(1)
    alice.caller.hang_up_remotely()
    outcome = await retrieving
    assert (outcome.ok, outcome.detail) == (True, "was with alice: the other party left")
    assert desk.caller.state is LegState.CONFIRMED
    await house.close()


@virtual_time
async def test_a_call_nobody_retrieves_comes_back_to_the_plan_with_the_reason() -> None:
    house = House()
    text = """
- park: {timeout: 20}
- set: {result: "${park_result}", where: "${park_slot}"}
"""
    alice = house.call("alice", program=program(text))
    await run_plan(alice.control())
    assert asyncio.get_running_loop().time() == pytest.approx(20, abs=0.2)
    assert (values(alice)["result"], values(alice)["where"]) == ("timeout", "701")
    await asyncio.sleep(0.1)
    assert house.desk.places == 0
    await house.close()


@virtual_time
async def test_the_agent_is_out_while_parked_and_back_when_nobody_came() -> None:
    house = House()
    alice = house.call("alice")
    agent = alice.bridge.open_port("agent")
    alice.session.agent = agent
    alice.session.room.join(agent)
    parking = do(alice, "park", "model", timeout=10)
    await asyncio.sleep(5)
    assert agent not in alice.session.room.members
    outcome = await parking
    assert not outcome.ok
    assert outcome.detail == "nobody retrieved the caller from slot 701 in 10 seconds"
    assert agent in alice.session.room.members
    await house.close()


@virtual_time
async def test_slots_are_given_in_order_and_freed_when_a_caller_hangs_up() -> None:
    house = House()
    first, _ = await parked(house)
    second, _ = await parked(house, "bob", slot=703)
    third, _ = await parked(house, "carol")
    assert [values(c)["park_slot"] for c in (first, second, third)] == ["701", "703", "702"]
    _, full = await parked(house, "dave")
    _, taken = await parked(house, "erin", slot="703")
    _, unknown = await parked(house, "frank", slot="900")
    assert [(await f).status for f in (full, taken, unknown)] == [503, 486, 404]
    first.caller.hang_up_remotely()
    await asyncio.sleep(0.1)
    again, _ = await parked(house, "gwen")
    assert values(again)["park_slot"] == "701"
    await house.close()
    assert house.desk.places == 0


@virtual_time
async def test_an_empty_slot_says_so_and_its_caller_is_not_answered() -> None:
    house = House()
    desk = house.call("desk", answered=False)
    outcome = await do(desk, "retrieve", slot="702")
    assert (outcome.ok, outcome.status, outcome.detail) == (False, 404, "nobody is parked at 702")
    assert desk.caller.state is LegState.INCOMING
    await house.close()


@virtual_time
async def test_the_desk_is_called_and_told_the_slot() -> None:
    house = House()
    alice, parking = await parked(house, page=DESK, timeout=30)
    await asyncio.sleep(5)
    (leg,) = alice.dialer.legs
    assert any(leg.far.heard_pcm())
    assert leg.state is LegState.DISCONNECTED  # told, and not put through
    sounds: Any = alice.services.sounds
    assert "say:A call is parked at 7 0 1." in sounds.loaded
    assert not parking.done()
    await house.close()


@pytest.mark.parametrize("script", [BUSY, Script(answers=None), Script(full=True)])
def test_a_desk_that_cannot_be_told_leaves_the_call_parked(script: Script) -> None:
    @virtual_time
    async def scene() -> None:
        house = House()
        alice = house.call("alice", scripts={DESK: script})
        parking = do(alice, "park", page=DESK, timeout=20)
        await asyncio.sleep(19)
        assert not parking.done()
        assert (await parking).status == 408
        assert {leg.state for leg in alice.dialer.legs} <= {LegState.DISCONNECTED}
        if script.answers is not None:
            assert [w.code for w in alice.all(Warned)] == ["page"]
        await house.close()

    scene()


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.3, 0.6, 3.0])
def test_no_leg_and_no_slot_is_left_when_a_parked_caller_hangs_up(moment: float) -> None:
    @virtual_time
    async def scene() -> None:
        house = House()
        alice = house.call("alice")
        asyncio.get_running_loop().call_later(moment, alice.caller.hang_up_remotely)
        await do(alice, "park", page=DESK)
        await asyncio.sleep(3.1)
        assert house.desk.places == 0
        assert len(house.desk.parking) == 0
        assert {leg.state for leg in alice.dialer.legs} <= {LegState.DISCONNECTED}
        await house.close()

    scene()


@virtual_time
async def test_the_policy_names_slots_and_who_is_told() -> None:
    house = House()
    alice = house.call("alice")
    verb = VERBS["park"].model_validate({"page": "+39 899 123"})
    outcome = await alice.control("model", Policy(destinations=("park:*",))).do(verb)
    assert (outcome.status, outcome.detail) == (403, "+39 899 123 is not an allowed destination")
    verb = VERBS["retrieve"].model_validate({"slot": 701})
    assert (await alice.control("dialplan", Policy()).do(verb)).status == 403
    await house.close()


@virtual_time
async def test_a_new_gateway_learns_who_is_parked_and_who_is_talking() -> None:
    house = House()
    _, parking = await parked(house)
    bob, talking = await parked(house, "bob")
    desk = house.call("desk")
    retrieving = do(desk, "retrieve", slot="702")
    await asyncio.sleep(1)
    house.restart()
    await asyncio.sleep(0.1)
    assert len(house.desk.parking) == 1
    bob.caller.hang_up_remotely()
    await talking
    assert (await retrieving).detail == "was with bob: the other party left"
    late = house.call("late")
    do(late, "retrieve", slot="701")
    await asyncio.sleep(0.5)
    late.caller.hang_up_remotely()
    assert (await parking).ok
    await house.close()
    assert house.desk.places == 0
