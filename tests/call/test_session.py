"""A call owns its legs, tasks and recordings, and leaves none behind."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.events import CallEnded, DigitReceived, LegChanged, RecordingStopped
from sipagent.testing.fakes import BUSY, Script, a_call
from sipagent.testing.virtual import virtual_time


@virtual_time
async def test_a_leg_is_on_record_from_its_adoption_and_never_twice_the_same() -> None:
    call = a_call()
    await call.caller.hold()
    await call.caller.resume()
    call.caller.hang_up_remotely()
    changes = [(event.role, event.state, event.status) for event in call.all(LegChanged)]
    assert changes == [
        ("caller", "incoming", 0),
        ("caller", "confirmed", 200),
        ("caller", "disconnected", 200),
    ]


@virtual_time
async def test_a_dialled_leg_belongs_to_the_call_but_is_not_in_the_room_yet() -> None:
    call = a_call()
    leg = await call.session.dial(Dial("sip:bob@x", "100"))
    assert call.dialer.dialled[0].caller_id == "100"
    assert leg in call.session.legs
    assert call.session.room.members == [call.caller]
    await leg.wait(LegState.CONFIRMED)
    roles = {event.leg: event.role for event in call.all(LegChanged)}
    assert roles == {"caller": "caller", "callee1": "callee"}


@virtual_time
async def test_a_leg_that_could_not_be_made_leaves_nothing_behind() -> None:
    call = a_call(scripts={"sip:bob@x": Script(full=True)})
    with pytest.raises(LegFailed):
        await call.session.dial(Dial("sip:bob@x"))
    assert call.session.legs == [call.caller]


@virtual_time
async def test_who_hangs_up_leaves_the_room_at_once() -> None:
    call = a_call()
    leg = await call.session.dial(Dial("sip:bob@x"))
    await leg.wait(LegState.CONFIRMED)
    call.session.room.join(leg)
    assert call.bridge.hears(call.caller) == (leg,)
    call.dialer.legs[0].hang_up_remotely()
    assert call.session.room.members == [call.caller]
    assert call.bridge.hears(call.caller) == ()


@virtual_time
async def test_no_leg_task_or_recording_outlives_the_call(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    session = call.session
    talking = await session.dial(Dial("sip:bob@x"))
    ringing = await session.dial(Dial("sip:carol@x"))
    await talking.wait(LegState.CONFIRMED)
    task = session.spawn(asyncio.sleep(3_600))
    session.recordings.start("tape", "tape.wav")
    await session.end(486, "busy", "plan")
    await asyncio.sleep(0)
    states = {leg.state for leg in (call.caller, talking, ringing)}
    assert states == {LegState.DISCONNECTED}
    assert task.cancelled()
    assert len(call.all(RecordingStopped)) == 1
    last = call.events[-1]
    assert isinstance(last, CallEnded)
    assert (last.status, last.reason, last.by) == (486, "busy", "plan")


@virtual_time
async def test_a_call_ends_once() -> None:
    call = a_call()
    await asyncio.gather(call.session.end(by="agent"), call.session.end(by="system"))
    await call.session.end()
    assert [event.by for event in call.all(CallEnded)] == ["agent"]


@virtual_time
async def test_every_key_of_the_caller_is_on_record_and_kept_for_whoever_asks() -> None:
    call = a_call()
    await asyncio.sleep(0)
    call.caller.far.press("12")
    assert [await call.session.keys.key() for _ in range(2)] == ["1", "2"]
    assert [event.digit for event in call.all(DigitReceived)] == ["1", "2"]


@virtual_time
async def test_an_agent_set_aside_hears_nobody_until_it_is_back() -> None:
    call = a_call()
    port = call.bridge.open_port("agent")
    call.session.agent = port
    call.session.room.join(port)
    async with call.session.aside():
        assert call.session.room.members == [call.caller]
        assert call.bridge.hears(port) == ()
    assert call.session.room.members == [call.caller, port]


@virtual_time
async def test_an_agent_set_aside_does_not_come_back_to_a_call_that_is_over() -> None:
    call = a_call()
    port = call.bridge.open_port("agent")
    call.session.agent = port
    call.session.room.join(port)
    async with call.session.aside():
        await call.session.end()
    assert port not in call.session.room.members
    async with a_call().session.aside():  # nobody to set aside
        pass


@virtual_time
async def test_a_bridged_pair_is_parted_by_either_side() -> None:
    call = a_call()
    await call.session.until_parted()  # nobody is bridged: nothing to wait for
    leg = await call.session.dial(Dial("sip:bob@x"))
    call.session.other = leg
    waiting = asyncio.create_task(call.session.until_parted())
    await leg.wait(LegState.CONFIRMED)
    assert not waiting.done()
    call.dialer.legs[0].hang_up_remotely()
    await waiting


@virtual_time
async def test_one_who_leaves_ends_the_wait_for_both() -> None:
    call = a_call(scripts={"sip:busy@x": BUSY})
    busy = await call.session.dial(Dial("sip:busy@x"))
    await call.session.one_left(call.caller, busy)
    assert busy.state is LegState.DISCONNECTED
    assert call.caller.state is LegState.CONFIRMED


@virtual_time
async def test_a_party_stays_when_another_leg_has_its_place() -> None:
    call = a_call()
    heir = await call.session.dial(Dial("sip:heir@x"))
    await heir.wait(LegState.CONFIRMED)
    gone = asyncio.ensure_future(call.session.left(call.caller))
    call.session.stand_in(heir, call.caller)
    call.caller.hang_up_remotely()
    await asyncio.sleep(1)
    assert not gone.done()
    assert call.session.caller is heir
    assert call.session.now(call.caller) is heir
    assert call.session.room.members == [heir]
    await heir.hangup()
    await gone
    assert call.session.deserted


@virtual_time
async def test_a_party_stays_while_its_place_is_being_given_away() -> None:
    call = a_call()
    gone = asyncio.ensure_future(call.session.left(call.caller))
    call.session.hand_over(call.caller, asyncio.sleep(5))
    call.caller.hang_up_remotely()
    await asyncio.sleep(4)
    assert not call.session.deserted
    assert not gone.done()
    await asyncio.sleep(2)
    assert gone.done()
    assert call.session.deserted


@virtual_time
async def test_a_recording_follows_the_callers_place(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    recording = call.session.recordings.start("r", "r.wav")
    heir = await call.session.dial(Dial("sip:heir@x"))
    await heir.wait(LegState.CONFIRMED)
    call.session.stand_in(heir, call.caller)
    call.caller.hang_up_remotely()
    heir.far.talk(500)  # type: ignore[attr-defined]
    await asyncio.sleep(1)
    await call.session.end()
    with wave.open(str(recording.path), "rb") as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert both[:, 0].any()
    assert not both[:, 1].any()


@virtual_time
async def test_a_leg_whose_invite_was_sent_while_the_call_ended_does_not_outlive_it() -> None:
    call = a_call()
    await call.session.end()
    with pytest.raises(LegFailed, match="487"):
        await call.session.dial(Dial("sip:bob@x"))
    assert call.dialer.legs[0].state is LegState.DISCONNECTED
