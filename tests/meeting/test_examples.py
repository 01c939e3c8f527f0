"""The examples of dialplans/ in which calls meet."""

import asyncio
from pathlib import Path
from typing import Any

from sipagent.call.leg import LegState
from sipagent.call.verb import Outcome
from sipagent.config import Queue
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.load import load_file
from sipagent.events import RecordingStopped
from sipagent.testing.fakes import FakeCall
from sipagent.testing.meeting import House
from sipagent.testing.virtual import virtual_time
from sipagent.verbs.flow import run_plan

ROOT = Path(__file__).parents[2] / "dialplans"


def example(
    house: House, name: str, who: str, number: str, **more: Any
) -> tuple[FakeCall, "asyncio.Future[Outcome]"]:
    plan = load_file(ROOT / f"{name}.yaml")
    call = house.call(
        who,
        answered=False,
        program=plan.program,
        expressions=JavaScript(),
        variables={"call": {"to": f"sip:{number}@127.0.0.1:5060"}},
        **more,
    )
    return call, asyncio.ensure_future(run_plan(call.control("dialplan", plan.policy)))


def said(call: FakeCall) -> list[str]:
    sounds: Any = call.services.sounds
    return [url for url in sounds.loaded if url.startswith("say:")]


@virtual_time
async def test_the_conference_waits_for_its_leader_and_ends_with_them(tmp_path: Path) -> None:
    house = House()
    early, plan = example(house, "conference", "early", "600")
    await asyncio.sleep(10)
    leader, _ = example(house, "conference", "leader", "600", bundle=tmp_path)
    await asyncio.sleep(0.5)
    leader.caller.far.press("4711")
    await asyncio.sleep(2)
    since = early.bridge.clock.t
    leader.caller.far.talk(200)
    await asyncio.sleep(0.5)
    assert any(early.caller.far.heard_pcm(since))
    leader.caller.hang_up_remotely()
    await plan
    assert said(early)[-1] == "say:You have left the conference. Goodbye."
    assert early.caller.state is LegState.DISCONNECTED
    assert [e.path for e in leader.all(RecordingStopped)] == ["conference-team.wav"]
    await house.close()
    assert house.desk.places == 0


@virtual_time
async def test_the_queue_rings_its_phone_and_the_desk_takes_the_next(tmp_path: Path) -> None:
    house = House({"support": Queue(members=("sip:bench@pbx.example",))})
    first, _ = example(house, "queue", "first", "800")
    await asyncio.sleep(2)
    assert [dial.target for dial in first.dialer.dialled] == ["sip:bench@pbx.example"]
    second, second_plan = example(house, "queue", "second", "800")
    third, third_plan = example(house, "queue", "third", "800")
    await asyncio.sleep(2)
    desk, desk_plan = example(house, "desk", "desk", "801")
    await asyncio.sleep(1)
    assert second.session.scope["vars"]["queue_result"] == "connected"
    desk.caller.far.press("#")
    await second_plan
    await asyncio.sleep(1)
    assert third.session.scope["vars"]["queue_result"] == "connected"
    third.caller.hang_up_remotely()
    await third_plan
    fourth, fourth_plan = example(house, "queue", "fourth", "800")
    desk.caller.hang_up_remotely()
    await desk_plan
    await asyncio.sleep(3)
    fourth.caller.far.press("#")
    await fourth_plan
    assert said(fourth)[-1] == "say:We are here until five. Goodbye."
    await house.close()
    assert house.desk.places == 0


@virtual_time
async def test_the_desk_retrieves_what_is_parked_and_hears_where_nothing_is() -> None:
    house = House()
    nothing, plan = example(house, "desk", "desk", "701")
    await plan
    assert (nothing.caller.state, nothing.caller.status) == (LegState.DISCONNECTED, 404)
    await house.close()
