"""Recordings as MP3: whole, in place, and readable when the writer was killed."""

from pathlib import Path

import pytest

from sipagent.providers.decoding import decode
from sipagent.providers.mp3 import make
from sipagent.testing.audio import RATE, correlate, rms, speech_like


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_what_was_written_is_heard_at_its_place(tmp_path: Path, rate: int) -> None:
    said = speech_like(5.0, seed=4, rate=rate)
    path = tmp_path / "call.mp3"
    writer = make(path, rate, 1)
    for start in range(0, len(said), rate // 25):
        writer.write(said[start : start + rate // 25])
    writer.close()
    writer.close()
    heard = decode(path.read_bytes(), "call.mp3", rate)
    found = correlate(said, heard, rate)
    assert found.corr > 0.9
    assert abs(found.lag_ms) < 20
    assert len(heard) / 2 / rate == pytest.approx(5.0, abs=0.1)
    assert path.stat().st_size < len(said) / 4


def test_a_killed_writer_leaves_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "call.mp3"
    writer = make(path, RATE, 2)
    for _ in range(250):
        writer.write(speech_like(0.04))
    heard = decode(path.read_bytes(), "call.mp3", RATE)
    assert len(heard) / 2 / RATE > 3.5
    assert rms(heard) > 1000
    writer.close()
