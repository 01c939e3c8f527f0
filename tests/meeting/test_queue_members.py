"""Queues that ring phones: whom, in what order, and what becomes of who does not answer."""

import asyncio

import pytest

from sipagent.call.cdr import fold
from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.events import MeetingChanged
from sipagent.testing.fakes import BUSY, NO_ANSWER, Script
from sipagent.testing.meeting import dialled, values
from sipagent.testing.queued import A, B, C, house_of, serving, steps, waiting
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS


@virtual_time
async def test_all_members_ring_and_the_first_to_answer_has_the_caller() -> None:
    house = house_of("ring-all", A, B, C)
    scripts = {A: NO_ANSWER, B: Script(answers=3), C: BUSY}
    caller, work = await waiting(house, "caller", scripts=scripts)
    await asyncio.sleep(4)
    assert dialled(caller) == [A, B, C]
    states = [leg.state for leg in caller.dialer.legs]
    assert states == [LegState.DISCONNECTED, LegState.CONFIRMED, LegState.DISCONNECTED]
    assert caller.session.room.members == [caller.caller, caller.dialer.legs[1]]
    caller.dialer.legs[1].hang_up_remotely()
    outcome = await work
    assert (outcome.ok, outcome.detail) == (True, "was with b after 3 seconds in the queue")
    assert steps(caller) == ["waiting", "ringing", "met", "over"]
    (transfer,) = fold(caller.events).transfers
    assert (transfer.verb, transfer.target, transfer.ok) == ("enter_queue", B, True)
    await house.close()


@virtual_time
async def test_a_member_who_does_not_answer_gives_way_to_the_next() -> None:
    house = house_of("round-robin", A, B, C, ring_seconds=10)
    caller, _ = await waiting(house, "caller", scripts={A: NO_ANSWER, B: BUSY})
    await asyncio.sleep(12)
    assert dialled(caller) == [A, B, C]
    assert steps(caller) == ["waiting", *["ringing", "unanswered"] * 2, "ringing", "met"]
    await house.close()


@virtual_time
async def test_when_nobody_answered_all_are_rung_again_after_a_pause() -> None:
    house = house_of("round-robin", A, B, retry_seconds=20)
    caller, _ = await waiting(house, "caller", scripts={A: BUSY, B: BUSY})
    await asyncio.sleep(10)
    assert dialled(caller) == [A, B]
    caller.dialer.scripts[A] = Script(answers=1)
    # others who come meanwhile do not put it off, nor go first
    for who in ("second", "third"):
        await waiting(house, who)
        await asyncio.sleep(4)
    await asyncio.sleep(5)
    assert dialled(caller) == [A, B, A]
    assert values(caller)["queue_result"] == "connected"
    await house.close()


@virtual_time
async def test_round_robin_goes_on_where_it_stopped() -> None:
    house = house_of("round-robin", A, B, C)
    rung = []
    for who in ("one", "two", "three", "four"):
        caller, work = await waiting(house, who)
        await asyncio.sleep(1)
        rung += dialled(caller)
        caller.dialer.legs[0].hang_up_remotely()
        await work
    assert rung == [A, B, C, A]
    await house.close()


@virtual_time
async def test_the_member_who_is_idle_longest_is_rung() -> None:
    house = house_of("longest-idle", A, B)
    talks = {}
    for who, seconds in (("one", 5), ("two", 30)):
        caller, _work = await waiting(house, who)
        await asyncio.sleep(1)
        talks[who] = dialled(caller)
        asyncio.get_running_loop().call_later(seconds, caller.dialer.legs[0].hang_up_remotely)
    await asyncio.sleep(60)
    assert talks == {"one": [A], "two": [B]}
    caller, _ = await waiting(house, "three")
    await asyncio.sleep(1)
    assert dialled(caller) == [A]
    await house.close()


@virtual_time
async def test_members_who_talk_are_not_rung_and_callers_are_served_in_order() -> None:
    house = house_of("ring-all", A, wrap_up_seconds=10)
    callers = [(await waiting(house, who))[0] for who in ("one", "two", "three")]
    one, two, three = callers
    await asyncio.sleep(5)
    assert [dialled(c) for c in callers] == [[A], [], []]
    one.dialer.legs[0].hang_up_remotely()
    await asyncio.sleep(9)
    assert dialled(two) == []  # a pause after the call
    await asyncio.sleep(3)
    assert (dialled(two), dialled(three)) == ([A], [])
    assert values(three)["queue_position"] == 1
    await house.close()


@virtual_time
async def test_a_caller_who_goes_while_members_ring_frees_them_for_the_next() -> None:
    house = house_of("ring-all", A)
    first, work = await waiting(house, "first", scripts={A: NO_ANSWER})
    second, _ = await waiting(house, "second")
    await asyncio.sleep(5)
    assert (dialled(first), dialled(second)) == ([A], [])
    first.caller.hang_up_remotely()
    assert (await work).status == 487
    await asyncio.sleep(1)
    assert dialled(second) == [A]
    assert [leg.state for leg in first.dialer.legs] == [LegState.DISCONNECTED]
    await house.close()


@virtual_time
async def test_an_agent_who_calls_in_takes_the_caller_members_are_ringing_for() -> None:
    house = house_of("ring-all", A)
    caller, _ = await waiting(house, "caller", scripts={A: NO_ANSWER})
    await asyncio.sleep(2)
    agent, _ = serving(house, "agent")
    await asyncio.sleep(0.5)
    assert [leg.state for leg in caller.dialer.legs] == [LegState.DISCONNECTED]
    assert [e.other for e in caller.all(MeetingChanged) if e.change == "met"] == ["agent"]
    since = caller.bridge.clock.t
    agent.caller.far.talk(200)
    await asyncio.sleep(0.5)
    assert any(caller.caller.far.heard_pcm(since))
    await house.close()


@pytest.mark.parametrize("delay", [-0.02, -0.001, 0.0, 0.001, 0.02])
def test_a_member_and_an_agent_in_the_same_moment_leave_no_leg_and_no_place(delay: float) -> None:
    @virtual_time
    async def scene() -> None:
        house = house_of("ring-all", A)
        caller, work = await waiting(house, "caller", scripts={A: Script(answers=2)})
        await asyncio.sleep(1.9 + delay)
        agent, agent_work = serving(house, "agent")
        await asyncio.sleep(2)
        up = [leg for leg in caller.dialer.legs if leg.state is LegState.CONFIRMED]
        met = [e for e in caller.all(MeetingChanged) if e.change == "met"]
        assert len(met) == 1
        assert len(up) + len(house.mixer.links) // 2 == 1
        caller.caller.hang_up_remotely()
        await work
        agent.caller.hang_up_remotely()
        await agent_work
        await asyncio.sleep(0.1)
        assert house.desk.places == 0
        assert {leg.state for leg in caller.dialer.legs} == {LegState.DISCONNECTED}

    scene()


@virtual_time
async def test_the_policy_bounds_the_time_with_a_member() -> None:
    house = house_of("ring-all", A)
    call = house.call("caller")
    policy = Policy(destinations=("queue:*",), limits={"outbound_minutes": 1})
    verb = VERBS["enter_queue"].model_validate({"queue_name": "support"})
    outcome = await call.control("dialplan", policy).do(verb)
    assert outcome.ok
    assert call.bridge.clock.t == pytest.approx(60_500, abs=300)
    assert [leg.state for leg in call.dialer.legs] == [LegState.DISCONNECTED]
    await house.close()
