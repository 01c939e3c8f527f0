"""One WAV, two sides, one clock."""

import wave
from array import array
from pathlib import Path

from sipagent.media.frames import Frame, frame_bytes
from sipagent.media.recording import Layout, Recording
from sipagent.media.wav import WavWriter
from sipagent.testing.recorded import stereo_wav

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
    recording = stereo_wav(tmp_path / "call.wav", 8000, start=1000)
    recording.heard(left=[Frame(frame(1), 1000)])
    recording.heard(right=[Frame(frame(7), 1020)])
    recording.heard(left=[Frame(frame(3), 1040)])
    recording.close(1080)
    left, right = sides(tmp_path / "call.wav")
    assert left == [1, 0, 3, 0]
    assert right == [0, 7, 0, 0]
    assert recording.duration_ms == 80


def test_a_side_that_stays_away_does_not_hold_the_other_back(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "call.wav", 8000, start=0)
    for n in range(100):
        recording.heard(left=[Frame(frame(5), n * 20)])
    assert recording.duration_ms >= 1600
    recording.close(2000)
    assert sides(tmp_path / "call.wav")[0] == [5] * 100


def test_two_sides_given_together_lose_nothing_however_long_the_stretch(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "call.wav", 8000, start=0)
    for begin in (0, 70):
        stretch = range(begin, begin + 70)
        recording.heard(
            left=[Frame(frame(n), n * 20) for n in stretch],
            right=[Frame(frame(1000 + n), n * 20) for n in stretch],
        )
        assert recording.duration_ms == 20 * stretch.stop
    recording.close(2800)
    left, right = sides(tmp_path / "call.wav")
    assert left == list(range(140))
    assert right == list(range(1000, 1140))


def test_a_pause_keeps_silence_of_the_same_length(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "call.wav", 8000, start=0)
    for n in range(6):
        if n == 2:
            recording.pause(40)
        if n == 4:
            recording.resume(80)
        recording.heard(left=[Frame(frame(5), n * 20)])
        recording.heard(right=[Frame(frame(6), n * 20)])
    recording.close(120)
    assert sides(tmp_path / "call.wav") == ([5, 5, 0, 0, 5, 5], [6, 6, 0, 0, 6, 6])


def test_a_pause_may_leave_the_time_out(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "call.wav", 8000, start=0)
    for n in range(6):
        if n == 2:
            recording.pause(40, skip=True)
        if n == 4:
            recording.resume(80)
        recording.heard(left=[Frame(frame(n + 1), n * 20)])
        recording.heard(right=[Frame(frame(n + 11), n * 20)])
    recording.close(120)
    assert sides(tmp_path / "call.wav") == ([1, 2, 5, 6], [11, 12, 15, 16])


def test_what_was_said_in_a_pause_is_not_kept_however_late_it_comes(tmp_path: Path) -> None:
    for skip in (False, True):
        recording = stereo_wav(tmp_path / f"{skip}.wav", 8000, start=0)
        recording.heard(left=[Frame(frame(1), 0)])
        recording.pause(20, skip=skip)
        recording.resume(60)
        for n in range(1, 5):
            recording.heard(left=[Frame(frame(n + 1), n * 20)])
        recording.close(100)
    assert sides(tmp_path / "False.wav")[0] == [1, 0, 0, 4, 5]
    assert sides(tmp_path / "True.wav")[0] == [1, 4, 5]


def test_a_recording_that_ends_in_a_pause_ends_there(tmp_path: Path) -> None:
    for skip, length in ((False, 100), (True, 40)):
        recording = stereo_wav(tmp_path / f"{skip}.wav", 8000, start=0)
        for n in range(5):
            if n == 2:
                recording.pause(40, skip=skip)
            recording.heard(left=[Frame(frame(1), n * 20)])
            recording.heard(right=[Frame(frame(1), n * 20)])
        recording.close(100)
        assert recording.duration_ms == length


def test_mono_is_one_side_or_both_mixed(tmp_path: Path) -> None:
    layouts: tuple[Layout, ...] = ("speak", "listen", "both")
    found = {}
    for layout in layouts:
        path = tmp_path / f"{layout}.wav"
        recording = Recording(path, 8000, 0, open_writer=WavWriter, layout=layout)
        for n in range(3):
            recording.heard(left=[Frame(frame(20_000), n * 20)])
            recording.heard(right=[Frame(frame(30_000 if n else 5), n * 20)])
        recording.close(60)
        with wave.open(str(path)) as wav:
            assert wav.getnchannels() == 1
            found[layout] = list(array("h", wav.readframes(wav.getnframes())))[:: SIZE // 2]
    assert found == {
        "speak": [20_000] * 3,
        "listen": [5, 30_000, 30_000],
        "both": [20_005, 32_767, 32_767],
    }


def test_a_killed_writer_leaves_a_readable_file(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "call.wav", 8000, start=0)
    for n in range(120):
        recording.heard(left=[Frame(frame(1), n * 20)])
        recording.heard(right=[Frame(frame(2), n * 20)])
    with wave.open(str(tmp_path / "call.wav")) as wav:
        assert wav.getnframes() >= 100 * SIZE // 2
    recording.close(2400)
