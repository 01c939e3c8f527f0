"""Background recordings: by name, both sides, whoever comes and goes."""

import asyncio
import wave
from pathlib import Path

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.errors import PlanError
from sipagent.events import RecordingStarted, RecordingStopped
from sipagent.testing.audio import rms
from sipagent.testing.fakes import FakeCall, a_call, tone
from sipagent.testing.virtual import virtual_time


def loud(path: Path, start: int, end: int) -> tuple[bool, bool]:
    """Whether left and right of a WAV have sound between two times (ms)."""
    with wave.open(str(path)) as tape:
        tape.setpos(start * 8)
        pcm = tape.readframes((end - start) * 8)
    left = b"".join(pcm[at : at + 2] for at in range(0, len(pcm), 4))
    right = b"".join(pcm[at + 2 : at + 4] for at in range(0, len(pcm), 4))
    return rms(left) > 100, rms(right) > 100


async def agent_speaks(call: FakeCall, ms: int) -> None:
    port = call.bridge.open_port("agent")
    call.session.room.join(port)
    await port.play(tone(ms))
    await port.mark().reached()
    call.session.room.leave(port)
    call.bridge.close_port(port)


@virtual_time
async def test_a_name_can_run_once_at_a_time(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    recordings = call.session.recordings
    recordings.start("tape", "one.wav")
    with pytest.raises(PlanError, match="running already"):
        recordings.start("tape", "two.wav")
    assert "tape" in recordings
    recordings.stop("tape")
    assert "tape" not in recordings
    recordings.start("tape", "two.wav")
    await call.close()
    assert [event.path for event in call.all(RecordingStarted)] == ["one.wav", "two.wav"]
    assert [event.path for event in call.all(RecordingStopped)] == ["one.wav", "two.wav"]


@virtual_time
async def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    for ask in (call.session.recordings.get, call.session.recordings.stop):
        with pytest.raises(PlanError, match="no recording named 'tape' is running"):
            ask("tape")
    assert call.all(RecordingStopped) == []


@virtual_time
async def test_each_side_is_where_it_belongs_whoever_comes_and_goes(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    call.session.recordings.start("tape", "tape.wav")
    await call.caller.far.speak(1000)
    await agent_speaks(call, 1000)
    leg = await call.session.dial(Dial("sip:bob@x"))
    await leg.wait(LegState.CONFIRMED)
    call.session.room.join(leg)
    since = call.bridge.clock.t
    await call.dialer.legs[0].far.speak(1000)
    took = call.session.recordings.stop("tape")
    await call.close()
    tape = tmp_path / "tape.wav"
    assert loud(tape, 100, 900) == (True, False)
    assert loud(tape, 1100, 1900) == (False, True)
    assert loud(tape, since + 100, since + 900) == (False, True)
    [stopped] = call.all(RecordingStopped)
    assert stopped.duration_ms == took
    assert took == pytest.approx(call.bridge.clock.t, abs=20)


@virtual_time
async def test_a_recording_ends_with_the_last_frame_however_seldom_it_is_written(
    tmp_path: Path,
) -> None:
    call = a_call(bundle=tmp_path)
    call.session.recordings.start("tape", "tape.wav")
    await call.caller.far.speak(540)
    call.session.recordings.pause("tape")
    await call.caller.far.speak(100)
    call.session.recordings.resume("tape")
    await call.caller.far.speak(360)
    took = call.session.recordings.stop("tape")
    await call.close()
    tape = tmp_path / "tape.wav"
    kept = [loud(tape, t, t + 20)[0] for t in range(0, took, 20)]
    quiet = [t * 20 for t, is_loud in enumerate(kept) if not is_loud]
    # a word begins and ends a frame late, by the way that it takes through the simulated bridge
    assert kept[-2]
    assert len(quiet) <= 8
    assert all(540 <= t <= 680 for t in quiet[1:-1])


@virtual_time
async def test_two_recordings_run_side_by_side_and_end_with_the_call(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    call.session.recordings.start("early", "early.wav")
    await call.caller.far.speak(400)
    call.session.recordings.start("late", "late.wav")
    await call.caller.far.speak(400)
    await call.close()
    lengths = {event.control_id: event.duration_ms for event in call.all(RecordingStopped)}
    assert lengths["early"] - lengths["late"] == pytest.approx(400, abs=20)
    assert loud(tmp_path / "late.wav", 100, 300) == (True, False)


@virtual_time
async def test_a_second_recording_of_the_same_name_keeps_the_first(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    for _ in range(3):
        call.session.recordings.start("tape", "tape.wav")
        await call.caller.far.speak(200)
        call.session.recordings.stop("tape")
    await call.close()
    names = [event.path for event in call.all(RecordingStopped)]
    assert names == ["tape.wav", "tape-2.wav", "tape-3.wav"]
    assert all((tmp_path / name).is_file() for name in names)


@virtual_time
async def test_what_is_on_disk_while_a_recording_runs_ends_less_than_a_second_ago(
    tmp_path: Path,
) -> None:
    call = a_call(bundle=tmp_path)
    call.session.recordings.start("tape", "tape.wav")
    call.caller.far.talk(3000)
    await asyncio.sleep(2.49)
    with wave.open(str(tmp_path / "tape.wav")) as tape:
        assert tape.getnframes() >= 1.5 * tape.getframerate()
    assert loud(tmp_path / "tape.wav", 100, 1400) == (True, False)
    await call.close()
