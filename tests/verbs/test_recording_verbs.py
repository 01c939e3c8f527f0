"""Recording verbs: messages, the whole call, pauses, and what ends them."""

import asyncio
import wave
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.verb import Outcome
from sipagent.events import RecordingPaused, RecordingStopped
from sipagent.testing.audio import rms
from sipagent.testing.fakes import FakeCall, a_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


def values(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


def tape(path: Path) -> tuple[int, bytes]:
    """Channels and samples of a WAV."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == 8000
        return file.getnchannels(), file.readframes(file.getnframes())


@virtual_time
async def test_a_recording_is_a_stereo_file_named_by_its_control_id(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    await do(call, "record_call", control_id="../a b")
    await do(call, "play", url="silence:1")
    outcome = await do(call, "stop_record_call")
    assert outcome.ok
    assert values(call)["record_url"] == (tmp_path / "a-b.wav").as_uri()
    assert tape(tmp_path / "a-b.wav")[0] == 2
    assert call.all(RecordingStopped)[0].path == "a-b.wav"


@virtual_time
async def test_a_recording_ends_at_its_max_length(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    await do(call, "record_call", max_length=2)
    await asyncio.sleep(5)
    assert call.all(RecordingStopped)[0].duration_ms == pytest.approx(2000, abs=20)
    assert not (await do(call, "stop_record_call")).ok


@virtual_time
async def test_the_clock_of_an_earlier_recording_does_not_end_a_later_one(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    await do(call, "record_call", max_length=5)
    await asyncio.sleep(3)
    await do(call, "stop_record_call")
    await do(call, "record_call")
    await asyncio.sleep(10)
    assert (await do(call, "stop_record_call")).detail == "recorded 10 seconds"


@pytest.mark.parametrize(
    ("speaks", "press", "arguments", "reason", "seconds"),
    [
        (2.0, None, {}, "silence", 7),
        (0.0, None, {}, "no_voice", 4),
        (60.0, None, {"max_length": 10}, "max_length", 10),
        (60.0, "5#", {}, "key", 3),
        (2.0, None, {"end_silence_timeout": 1}, "silence", 3),
    ],
)
def test_a_message_ends_by_key_silence_or_length(
    speaks: float,
    press: str | None,
    arguments: dict[str, Any],
    reason: str,
    seconds: float,
    tmp_path: Path,
) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call(bundle=tmp_path)
        await asyncio.sleep(0)
        call.caller.far.talk(int(speaks * 1000))
        if press:
            later(3, call.caller.far.press, press)
        outcome = await do(call, "record", **arguments)
        told = values(call)
        assert told["record_result"] == reason
        assert outcome.ok is (reason != "no_voice")
        assert told["record_duration"] == pytest.approx(seconds, abs=0.3)
        assert told["record_terminator"] == ("#" if reason == "key" else "")
        channels, pcm = tape(tmp_path / "recording.wav")
        assert channels == 1
        assert len(pcm) / 16_000 == told["record_duration"]
        assert (rms(pcm) > 100) is (speaks > 0)
        assert call.session.keys.take() is None

    scene()


@virtual_time
async def test_a_message_cut_short_by_a_hangup_is_kept(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path, answered=False)
    later(3, call.caller.hang_up_remotely)
    asyncio.get_running_loop().call_later(0.1, call.caller.far.talk, 5000)
    outcome = await do(call, "record", beep=True)
    assert not outcome.ok
    assert values(call)["record_result"] == "hangup"
    assert rms(call.caller.far.heard_pcm()) > 100
    assert tape(tmp_path / "recording.wav")[1]
    assert call.caller.state is LegState.DISCONNECTED


@virtual_time
async def test_a_call_being_recorded_is_stopped_by_a_key_which_the_others_get_too(
    tmp_path: Path,
) -> None:
    call = a_call(bundle=tmp_path)
    await do(call, "record_call", terminators="*")
    await asyncio.sleep(1)
    call.caller.far.press("1*")
    await asyncio.sleep(0.1)
    assert "recording" not in call.session.recordings
    assert [call.session.keys.take(), call.session.keys.take()] == ["1", "*"]


@pytest.mark.parametrize(("behavior", "seconds"), [("silence", 3.0), ("skip", 2.0)])
def test_what_is_said_in_a_pause_is_not_on_the_tape(
    behavior: str, seconds: float, tmp_path: Path
) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call(bundle=tmp_path)
        await do(call, "record_call", stereo=False, direction="speak")
        await asyncio.sleep(1)
        assert (await do(call, "pause_record_call", behavior=behavior)).ok
        await do(call, "pause_record_call", behavior=behavior)
        await call.caller.far.speak(1000)
        assert (await do(call, "resume_record_call")).ok
        await asyncio.sleep(1)
        await do(call, "stop_record_call")
        _, pcm = tape(tmp_path / "recording.wav")
        assert len(pcm) / 16_000 == pytest.approx(seconds, abs=0.05)
        assert rms(pcm) == 0
        assert [event.paused for event in call.all(RecordingPaused)] == [True, False]

    scene()


@pytest.mark.swml("verb", "stop_record_call", "by control_id, else the newest")
@virtual_time
async def test_several_recordings_run_at_once_and_the_newest_is_meant(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    for name in ("one", "two"):
        await do(call, "record_call", control_id=name)
    await do(call, "pause_record_call", control_id="one")
    await do(call, "stop_record_call")
    await do(call, "stop_record_call")
    assert [event.control_id for event in call.all(RecordingStopped)] == ["two", "one"]
    outcome = await do(call, "stop_record_call")
    assert (outcome.ok, outcome.detail) == (False, "no recording is running")


@virtual_time
async def test_a_tone_tells_again_and_again_that_the_call_is_recorded(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    await do(call, "record_call", beep_interval=5)
    await asyncio.sleep(12)
    await do(call, "stop_record_call")
    await asyncio.sleep(12)
    loud = [frame.t for frame in call.caller.far.heard if rms(frame.pcm) > 100]
    assert sorted({t // 1000 for t in loud}) == [0, 5, 10]
    assert call.session.room.members == [call.caller]
