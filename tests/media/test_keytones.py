"""Keys as tones: recognised at every length, level and twist, and never in speech."""

import time
import wave
from pathlib import Path

import numpy as np
import pytest

from sipagent.media.keytones import KeyTones
from sipagent.testing import audio
from sipagent.testing.signals import key_tone

ALL = "123A456B789C*0#D"
SPEECH = Path("/usr/share/asterisk/sounds/en_US_f_Allison")


def recognised(pcm: bytes, rate: int = 8000) -> str:
    tones, size = KeyTones(rate), rate // 50 * 2
    return "".join(tones.feed(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size))


def keypad(ms: int, level: float, twist: float = 0.0, *, rate: int = 8000, gap: int = 50) -> bytes:
    """Every key, off the frames' grid."""
    pause = bytes(2 * rate * gap // 1000)
    return bytes(74) + b"".join(
        key_tone(k, ms, rate, level=level, twist=twist) + pause for k in ALL
    )


def noisy(pcm: bytes, below: float) -> bytes:
    """White noise that many dBm0 loud beside it."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    rms = 32_767 / 2**0.5 * 10 ** ((below - 3.14) / 20)
    samples += np.random.default_rng(7).normal(0, rms, len(samples))
    return bytes(np.clip(samples, -32_768, 32_767).astype("<i2").tobytes())


@pytest.mark.rfc("4733", "in-band tones recognised where no telephone-event was agreed")
@pytest.mark.parametrize("milliseconds", [40, 50, 100, 250])
@pytest.mark.parametrize("level", [-3.0, -9.0, -17.0, -25.0])
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_every_key_is_heard_through_g711_with_noise(
    codec: str, level: float, milliseconds: int
) -> None:
    pcm = noisy(keypad(milliseconds, level), level - 18)
    assert recognised(audio.decode(codec, audio.encode(codec, pcm))) == ALL


@pytest.mark.parametrize(("level", "twist"), [(-9, -8), (-9, 4), (-25, -6), (-20, 6)])
@pytest.mark.parametrize("rate", [8000, 16_000])
def test_one_tone_may_be_louder_than_the_other(rate: int, level: float, twist: float) -> None:
    assert recognised(keypad(40, level, twist, rate=rate), rate) == ALL


@pytest.mark.parametrize("off", [-0.015, 0.015])
def test_a_keypad_out_of_tune_by_the_tolerance_is_heard(off: float) -> None:
    # played faster or slower, every tone is off by as much
    rate = round(8000 * (1 + off))
    pcm = b"".join(key_tone(key, 50, rate) + bytes(800) for key in ALL)
    assert recognised(pcm + bytes(800)) == ALL


def test_a_key_held_long_is_one_and_one_pressed_twice_is_two() -> None:
    held = key_tone("5", 3000, 8000) + bytes(800)
    twice = (key_tone("5", 60, 8000) + bytes(640)) * 2  # 40 ms between them
    assert recognised(held + twice + bytes(800)) == "555"


def test_a_lost_packet_in_a_key_makes_no_second_one() -> None:
    pcm = bytearray(key_tone("8", 200, 8000) + bytes(800))
    pcm[1280:1600] = bytes(320)
    assert recognised(bytes(pcm)) == "8"


def test_one_tone_alone_and_three_together_are_no_key() -> None:
    time = np.arange(4000) / 8000
    single = np.sin(2 * np.pi * 770 * time) * 9000
    third = single + np.sin(2 * np.pi * 1336 * time) * 9000 + np.sin(2 * np.pi * 1477 * time) * 9000
    ringing = (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)) * 9000
    for sound in (single, third, ringing):
        assert recognised(sound.astype("<i2").tobytes()) == ""


@pytest.mark.peer
@pytest.mark.slow
def test_no_key_is_heard_in_25_minutes_of_human_speech() -> None:
    heard: dict[str, str] = {}
    seconds = spent = 0.0
    for file in sorted(SPEECH.rglob("*.wav")):
        with wave.open(str(file)) as source:
            assert source.getframerate() == 8000
            pcm = source.readframes(source.getnframes())
        began = time.process_time()
        keys = recognised(pcm)
        spent += time.process_time() - began
        seconds += len(pcm) / 16_000
        if keys:
            heard[str(file)] = keys
    assert seconds > 1200
    assert heard == {}
    assert spent / seconds < 0.05  # 2 ms of a second were measured
