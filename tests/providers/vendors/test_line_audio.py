"""Sound between the call and a realtime vendor."""

import pytest

from sipagent.media.g711 import decode
from sipagent.providers.vendors.line_audio import Encoding, Format, LineAudio
from sipagent.testing.vendors.sounds import pitch_of, tone

EVERY_BYTE = bytes(range(256)) * 5


@pytest.mark.parametrize(("encoding", "codec"), [("pcmu", "PCMU"), ("pcma", "PCMA")])
def test_the_bytes_of_a_line_go_through_unchanged(encoding: Encoding, codec: str) -> None:
    form = Format(encoding, 8000)
    audio = LineAudio(8000, form, form)
    heard = decode("PCMU" if codec == "PCMU" else "PCMA", EVERY_BYTE)
    there = audio.to_vendor(heard)
    assert decode("PCMU" if codec == "PCMU" else "PCMA", there) == heard
    assert audio.to_call(there) == heard
    assert sum(a != b for a, b in zip(there, EVERY_BYTE, strict=True)) <= 5  # mu-law has two zeros


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_other_rates_keep_length_and_pitch(rate: int) -> None:
    audio = LineAudio(rate, Format("pcm", 16_000), Format("pcm", 24_000))
    up = b"".join(audio.to_vendor(tone(440, 20, rate)) for _ in range(50))
    assert abs(len(up) / 32_000 - 1.0) < 0.01
    down = tone(440, 1000, 24_000)
    # in pieces that end in the middle of a sample
    heard = b"".join(audio.to_call(down[n : n + 1001]) for n in range(0, len(down), 1001))
    assert abs(len(heard) / (rate * 2) - 1.0) < 0.01
    assert abs(pitch_of(heard, rate) - 440) < 5
