"""Peaks of recordings."""

import struct
import wave
from pathlib import Path

import pytest

from sipagent.media.frames import Frame
from sipagent.store.waveform import read_peaks
from sipagent.testing.recorded import stereo_wav

LOUD = struct.pack("<160h", *([0, 16384] * 80))
QUIET = bytes(320)


def test_each_side_has_its_own_peaks(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "a.wav", 8000, 0)
    for t in range(0, 100, 20):
        left, right = LOUD if t == 40 else QUIET, LOUD if t >= 60 else QUIET
        recording.heard([Frame(left, t)], [Frame(right, t)])
    recording.close(100)
    peaks = read_peaks(tmp_path / "a.wav", start=700)
    assert peaks.left == (0.0, 0.0, 0.5, 0.0, 0.0)
    assert peaks.right == (0.0, 0.0, 0.0, 0.5, 0.5)
    assert (peaks.start, peaks.bin_ms) == (700, 20)


def test_a_mono_file_is_both_sides(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "m.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(LOUD + QUIET[:100])
    peaks = read_peaks(tmp_path / "m.wav")
    assert peaks.left == peaks.right == (0.5, 0.0)


def test_long_files_are_read_in_pieces_without_a_seam(tmp_path: Path) -> None:
    recording = stereo_wav(tmp_path / "a.wav", 8000, 0)
    recording.heard(Frame(LOUD, t) for t in range(0, 25_000, 20))
    recording.close(25_000)
    assert read_peaks(tmp_path / "a.wav").left == (0.5,) * 1250


def test_an_empty_recording_has_no_peaks(tmp_path: Path) -> None:
    stereo_wav(tmp_path / "a.wav", 8000, 0).close(0)
    assert read_peaks(tmp_path / "a.wav").left == ()


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a wav at all, but some text" * 9])
def test_what_is_no_wav_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.wav"):
        read_peaks(tmp_path / "x.wav")


def test_other_sample_sizes_are_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "b.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * 80)
    with pytest.raises(ValueError, match="16 bit"):
        read_peaks(tmp_path / "b.wav")
