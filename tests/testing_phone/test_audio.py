"""G.711, WAV files and correlation."""

import audioop  # type: ignore[import-untyped,unused-ignore]
import itertools
from pathlib import Path

import pytest

from sipagent.testing import audio

ALL_SAMPLES = b"".join(n.to_bytes(2, "little", signed=True) for n in range(-32768, 32768))
ALL_CODES = bytes(range(256))


def test_mulaw_decodes_as_the_standard_says() -> None:
    assert audio.decode("PCMU", ALL_CODES) == audioop.ulaw2lin(ALL_CODES, 2)


def test_alaw_decodes_as_the_standard_says() -> None:
    assert audio.decode("PCMA", ALL_CODES) == audioop.alaw2lin(ALL_CODES, 2)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_code_survives_decoding_and_encoding(codec: str) -> None:
    values = audio.decode(codec, ALL_CODES)
    assert audio.decode(codec, audio.encode(codec, values)) == values


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_encoding_takes_the_nearest_code(codec: str) -> None:
    known = sorted(set(memoryview(audio.decode(codec, ALL_CODES)).cast("h")))
    coarsest = max(b - a for a, b in itertools.pairwise(known))
    there = memoryview(ALL_SAMPLES).cast("h")
    back = memoryview(audio.decode(codec, audio.encode(codec, ALL_SAMPLES))).cast("h")
    inside = [abs(a - b) for a, b in zip(there, back, strict=True) if known[0] <= a <= known[-1]]
    assert max(inside) <= coarsest / 2


def test_digital_silence_is_the_code_phones_send() -> None:
    assert set(audio.encode("PCMU", bytes(320))) == {0xFF}
    assert set(audio.encode("PCMA", bytes(320))) == {0xD5}


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_the_level_of_a_payload_is_that_of_its_samples(codec: str) -> None:
    payload = audio.encode(codec, audio.speech_like(0.1, 1))
    assert audio.level(codec, payload) == pytest.approx(audio.rms(audio.decode(codec, payload)))


def test_a_signal_is_found_where_it_begins() -> None:
    speech = audio.speech_like(1.0, 1)
    found = audio.correlate(speech, audio.silence(0.25) + speech + audio.silence(0.5))
    assert found.lag_ms == 250
    assert found.corr == pytest.approx(1.0)


def test_a_signal_cut_at_its_beginning_has_a_negative_lag() -> None:
    speech = audio.speech_like(1.0, 1)
    found = audio.correlate(speech, speech[1600:])
    assert found.lag_ms == -100
    assert found.corr == pytest.approx(1.0)


def test_two_voices_do_not_correlate() -> None:
    found = audio.correlate(audio.speech_like(2.0, 1), audio.speech_like(2.0, 2))
    assert abs(found.corr) < 0.2


def test_a_wav_file_gives_back_what_was_written(tmp_path: Path) -> None:
    speech = audio.speech_like(0.2, 3)
    audio.write_wav(tmp_path / "a.wav", speech, 16000)
    assert audio.read_wav(tmp_path / "a.wav") == (speech, 16000)


def test_of_a_stereo_file_the_left_side_is_read(tmp_path: Path) -> None:
    left, right = audio.speech_like(0.2, 3), audio.speech_like(0.1, 4)
    audio.write_wav(tmp_path / "a.wav", audio.interleave(left, right), channels=2)
    assert audio.read_wav(tmp_path / "a.wav") == (left, 8000)
