"""One WAV, two sides, one clock."""

import wave
from array import array
from pathlib import Path

from sipagent.media.frames import frame_bytes
from sipagent.media.recording import StereoRecording

SIZE = frame_bytes(8000)


def frame(value: int) -> bytes:
    return array("h", [value] * (SIZE // 2)).tobytes()


def sides(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (2, 2, 8000)
        samples = array("h", wav.readframes(wav.getnframes()))
    step = SIZE
    return list(samples[0::step]), list(samples[1::step])


def test_each_side_keeps_its_place_and_gaps_are_silence(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "call.wav", 8000, start=1000)
    recording.left(frame(1), 1000)
    recording.right(frame(7), 1020)
    recording.left(frame(3), 1040)
    recording.close(1080)
    left, right = sides(tmp_path / "call.wav")
    assert left == [1, 0, 3, 0]
    assert right == [0, 7, 0, 0]
    assert recording.duration_ms == 80


def test_a_side_that_stays_away_does_not_hold_the_other_back(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "call.wav", 8000, start=0)
    for n in range(100):
        recording.left(frame(5), n * 20)
    assert recording.duration_ms >= 1600
    recording.close(2000)
    assert sides(tmp_path / "call.wav")[0] == [5] * 100


def test_a_pause_keeps_silence_of_the_same_length(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "call.wav", 8000, start=0)
    for n in range(6):
        if n == 2:
            recording.pause()
        if n == 4:
            recording.resume()
        recording.left(frame(5), n * 20)
        recording.right(frame(6), n * 20)
    recording.close(120)
    assert sides(tmp_path / "call.wav") == ([5, 5, 0, 0, 5, 5], [6, 6, 0, 0, 6, 6])


def test_a_killed_writer_leaves_a_readable_file(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "call.wav", 8000, start=0)
    for n in range(120):
        recording.left(frame(1), n * 20)
        recording.right(frame(2), n * 20)
    with wave.open(str(tmp_path / "call.wav")) as wav:
        assert wav.getnframes() >= 100 * SIZE // 2
    recording.close(2400)
