"""The voice of simulated callers: sentences as PCM, once each."""

from functools import cache

import numpy as np

from sipagent.media.resample import Resampler
from sipagent.providers.espeak import LOUDNESS, engine
from sipagent.providers.espeak_engine import RATE as NATIVE

from .audio import RATE

_WORDS_A_MINUTE, _PITCH = 150, 50


@cache
def speak(text: str, voice: str = "en-us+f2") -> bytes:
    """A sentence as mono s16le PCM at 8 kHz, as loud as people are on the telephone."""
    pieces: list[bytes] = []

    def sink(pcm: bytes) -> bool:
        pieces.append(pcm)
        return True

    engine().speak(text, engine().check(voice), _WORDS_A_MINUTE, _PITCH, sink)
    resampler = Resampler(NATIVE, RATE, "HQ")
    narrow = resampler.feed(b"".join(pieces)) + resampler.finish()
    samples = np.frombuffer(narrow, "<i2").astype(np.float64)
    loud = samples[np.abs(samples) > np.abs(samples).max() / 10]
    scaled = samples * (LOUDNESS / np.sqrt(np.mean(loud**2)))
    pcm: bytes = np.clip(scaled, -32_768, 32_767).astype("<i2").tobytes()
    return pcm
