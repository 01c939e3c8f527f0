"""join_conference and leave_conference, on calls that meet at a real desk."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.policy import Policy
from sipagent.call.verb import Outcome
from sipagent.events import MeetingChanged, PolicyDecided, RecordingStopped
from sipagent.testing.fakes import FakeCall
from sipagent.testing.meeting import House, do
from sipagent.testing.plans import program
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

Doing = asyncio.Future[Outcome]


def changes(call: FakeCall) -> list[str]:
    return [event.change for event in call.all(MeetingChanged)]


def hears(call: FakeCall, since: int) -> bool:
    return any(call.caller.far.heard_pcm(since))


async def joined(house: House, who: str, **arguments: Any) -> tuple[FakeCall, Doing]:
    call = house.call(who)
    staying = do(call, "join_conference", **{"name": "team", "beep": False, **arguments})
    await asyncio.sleep(0.1)
    return call, staying


@virtual_time
async def test_those_in_a_conference_hear_each_other_until_one_leaves_by_key() -> None:
    house = House()
    alice, staying = await joined(house, "alice", exit_key="#")
    bob, _ = await joined(house, "bob")
    start = alice.bridge.clock.t
    bob.caller.far.talk(300)
    await asyncio.sleep(0.6)
    assert hears(alice, start)
    assert not hears(bob, start)
    alice.caller.far.press("5#")
    outcome = await staying
    assert (outcome.ok, outcome.detail) == (True, "was in the conference team: left")
    assert house.desk.conferences.members("team") == 1
    assert alice.session.room.members == [alice.caller]
    assert changes(alice) == ["waiting", "met", "entered", "over"]
    await asyncio.sleep(0.1)
    assert changes(bob)[-1] == "left"
    await house.close()
    assert house.desk.places == 0
    assert house.mixer.links == []


@pytest.mark.swml("verb", "join_room", "a conference of that name, without beeps")
@virtual_time
async def test_a_room_is_a_conference_without_beeps() -> None:
    house = House()
    alice, _ = await joined(house, "alice")
    start = alice.bridge.clock.t
    bob = house.call("bob")
    staying = do(bob, "join_room", name="team")
    await asyncio.sleep(0.5)
    assert house.desk.conferences.members("team") == 2
    assert not hears(alice, start)
    bob.caller.far.talk(300)
    await asyncio.sleep(0.6)
    assert hears(alice, start)
    assert not staying.done()
    await house.close()


@virtual_time
async def test_a_muted_member_hears_and_is_not_heard() -> None:
    house = House()
    alice, _ = await joined(house, "alice")
    bob, _ = await joined(house, "bob", muted=True)
    start = alice.bridge.clock.t
    for call in (alice, bob):
        call.caller.far.talk(300)
    await asyncio.sleep(0.6)
    assert hears(bob, start)
    assert not hears(alice, start)
    await house.close()


@virtual_time
async def test_who_comes_before_the_leader_waits_with_music() -> None:
    house = House()
    early, _ = await joined(house, "early", start_on_enter=False, wait_url="music")
    await asyncio.sleep(1)
    assert changes(early) == ["waiting"]
    assert hears(early, 0)
    leader, _ = await joined(house, "leader")
    assert changes(early) == ["waiting", "entered", "met"]
    start = early.bridge.clock.t
    leader.caller.far.talk(200)
    await asyncio.sleep(0.5)
    assert hears(early, start)
    await asyncio.sleep(1)
    assert not hears(early, start + 1200)  # the music is over
    await house.close()


@virtual_time
async def test_nobody_stays_when_the_leader_leaves() -> None:
    house = House()
    _, staying = await joined(house, "alice")
    leader, _ = await joined(house, "leader", end_on_exit=True)
    leader.caller.hang_up_remotely()
    outcome = await staying
    assert outcome.detail == "was in the conference team: leader ended the conference"
    assert len(house.desk.conferences) == 0
    await house.close()


@virtual_time
async def test_the_others_hear_a_beep_and_who_comes_does_not() -> None:
    house = House()
    alice, _ = await joined(house, "alice")
    bob, _ = await joined(house, "bob", beep="onEnter")
    await asyncio.sleep(0.5)
    assert hears(alice, 0)
    assert not hears(bob, 0)
    since = alice.bridge.clock.t
    bob.caller.hang_up_remotely()
    await asyncio.sleep(0.5)
    assert not hears(alice, since)
    await house.close()


@virtual_time
async def test_a_full_conference_refuses_and_the_plan_branches_on_it() -> None:
    house = House()
    await joined(house, "alice")
    text = """
- join_conference:
    name: team
    max_participants: 1
    result: {case: {failed: [{set: {why: "${join_conference_reason}"}}]}}
"""
    late = house.call("late", program=program(text))
    await run_plan(late.control())
    assert late.session.scope["vars"]["why"] == "the conference team is full"
    assert late.session.scope["vars"]["join_conference_result"] == "failed"
    assert house.desk.places == 1
    await house.close()


@virtual_time
async def test_an_agent_is_heard_by_all_and_can_leave_again() -> None:
    house = House()
    bob, _ = await joined(house, "bob")
    alice = house.call("alice")
    agent = alice.bridge.open_port("agent")
    alice.session.agent = agent
    alice.session.room.join(agent)
    outcome = await do(alice, "join_conference", "model", name="team", beep=False)
    assert (outcome.ok, outcome.detail) == (True, "in the conference team, 2 in all")
    await asyncio.sleep(0.1)
    since = bob.bridge.clock.t
    await agent.play(b"\x40\x10" * 1600)
    await asyncio.sleep(0.4)
    assert hears(bob, since)
    assert (await do(alice, "leave_conference", "model")).ok
    await asyncio.sleep(0.1)
    assert house.desk.conferences.members("team") == 1
    assert not (await do(alice, "leave_conference", "model")).ok
    assert alice.session.room.members == [alice.caller, agent]
    await house.close()


@virtual_time
async def test_the_conference_is_recorded_where_that_is_asked(tmp_path: Path) -> None:
    house = House()
    alice = house.call("alice", bundle=tmp_path)
    asked = {"record": "record-from-start", "trim": "do-not-trim"}
    staying = do(alice, "join_conference", name="team", beep=False, exit_key="1", **asked)
    await asyncio.sleep(2)
    alice.caller.far.press("1")
    await staying
    (stopped,) = alice.all(RecordingStopped)
    assert stopped.path == "conference-team.wav"
    assert stopped.duration_ms == pytest.approx(2000, abs=60)
    assert (tmp_path / "conference-team.wav").exists()
    await house.close()


@virtual_time
async def test_a_conference_the_policy_does_not_list_is_refused() -> None:
    house = House()
    alice = house.call("alice")
    verb = VERBS["join_conference"].model_validate({"name": "board"})
    outcome = await alice.control("model", Policy(destinations=("conference:team",))).do(verb)
    assert (outcome.ok, outcome.status) == (False, 403)
    assert [d.allowed for d in alice.all(PolicyDecided)] == [False]
    assert house.desk.places == 0


@virtual_time
async def test_a_mixer_that_does_not_come_back_ends_the_stay_and_the_plan_goes_on() -> None:
    house = House()
    _, staying = await joined(house, "alice")
    house.mixer.links[0].lost.set_result("no mixer within 10 seconds")
    outcome = await staying
    assert outcome.detail == "was in the conference team: no mixer within 10 seconds"
    await asyncio.sleep(0.1)
    assert house.desk.places == 0
    await house.close()


@virtual_time
async def test_a_new_gateway_learns_who_is_in_the_conference_and_nobody_notices() -> None:
    house = House()
    alice, _ = await joined(house, "alice")
    bob, staying = await joined(house, "bob", exit_key="#")
    links = list(house.mixer.links)
    house.restart()
    await asyncio.sleep(0.1)
    assert house.desk.conferences.members("team") == 2
    assert house.mixer.links == links
    assert "lost" not in changes(alice)
    carol, _ = await joined(house, "carol")
    since = alice.bridge.clock.t
    carol.caller.far.talk(200)
    await asyncio.sleep(0.5)
    assert hears(alice, since)
    bob.caller.far.press("#")
    assert (await staying).ok
    await asyncio.sleep(0.1)
    assert house.desk.conferences.members("team") == 2
    await house.close()
    assert house.desk.places == 0


@virtual_time
async def test_one_call_holds_a_bounded_number_of_places() -> None:
    house = House()
    alice = house.call("alice")
    for number in range(9):
        outcome = await do(alice, "join_conference", name=f"c{number}", background=True)
    assert (outcome.ok, outcome.detail) == (False, "a call may hold 8 places")
    assert house.desk.places == 8
    await house.close()
    assert house.desk.places == 0


@pytest.mark.swml("verb", "join_conference", "trim: a recording begins with the first word")
@virtual_time
async def test_the_silence_at_the_beginning_of_a_conference_is_not_recorded(
    tmp_path: Path,
) -> None:
    house, web = House(), FakeWeb()
    alice = house.call("alice", bundle=tmp_path, web=web)
    asked = {"record": "record-from-start", "recording_status_callback": "https://r.example/"}
    staying = do(alice, "join_conference", name="team", beep=False, exit_key="1", **asked)
    await asyncio.sleep(3)
    await alice.caller.far.speak(1000)
    alice.caller.far.press("1")
    await staying
    (stopped,) = alice.all(RecordingStopped)
    assert stopped.duration_ms == pytest.approx(1000, abs=300)
    await alice.close()
    assert web.states("https://r.example/") == ["completed"]


@pytest.mark.swml("verb", "join_conference", "status_callback is told of start, join, leave, end")
@virtual_time
async def test_a_conference_tells_who_comes_and_goes() -> None:
    house, web, url = House(), FakeWeb(), "https://c.example/"
    alice, bob = house.call("alice", web=web), house.call("bob", web=web)
    for call in (alice, bob):
        do(call, "join_conference", name="team", exit_key="1", status_callback=url)
        await asyncio.sleep(1)
    alice.caller.far.press("1")
    await asyncio.sleep(1)
    bob.caller.hang_up_remotely()
    await asyncio.sleep(1)
    assert web.states(url, "reason")[-2:] == ["hangup", "hangup"]
    assert web.states(url, "status") == [
        "conference-start",
        "participant-join",
        "participant-join",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]


@pytest.mark.swml("verb", "join_conference", "coach is refused in words")
@virtual_time
async def test_a_coach_is_not_let_in_to_be_heard_by_all() -> None:
    house = House()
    alice = house.call("alice")
    outcome = await do(alice, "join_conference", name="team", coach="call-2")
    assert not outcome.ok and "coach" in outcome.detail
