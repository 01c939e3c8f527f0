"""The voice of simulated callers: sentences as PCM, once each."""

import subprocess
import sys
from functools import cache

import numpy as np

from sipagent.media.resample import Resampler
from sipagent.providers.espeak import LOUDNESS, engine
from sipagent.providers.espeak_engine import RATE as NATIVE

from .audio import RATE

_PATIENCE = 60
# 150 words a minute, pitch 50 of 100: people on the telephone.
_SPEAKER = """
import sys
from sipagent.providers.espeak_engine import EspeakEngine
write = sys.stdout.buffer.write
EspeakEngine().speak(*sys.argv[1:], 150, 50, lambda pcm: bool(write(pcm)))
"""


@cache
def speak(text: str, voice: str = "en-us+f2") -> bytes:
    """A sentence as mono s16le PCM at 8 kHz, as loud as people are on the telephone.

    The same samples every time: how espeak says a sentence depends on what its process said
    before, so each is said by a process of its own (some 50 ms, the first time). Raises
    ProviderError when there is no such voice.
    """
    words = (sys.executable, "-c", _SPEAKER, text, engine().check(voice))
    # Our own interpreter and program; what is said is an argument to it, and no shell's.
    spoken = subprocess.run(  # noqa: S603
        words, stdout=subprocess.PIPE, check=True, timeout=_PATIENCE
    ).stdout
    resampler = Resampler(NATIVE, RATE, "HQ")
    narrow = resampler.feed(spoken) + resampler.finish()
    samples = np.frombuffer(narrow, "<i2").astype(np.float64)
    loud = samples[np.abs(samples) > np.abs(samples).max() / 10]
    scaled = samples * (LOUDNESS / np.sqrt(np.mean(loud**2)))
    pcm: bytes = np.clip(scaled, -32_768, 32_767).astype("<i2").tobytes()
    return pcm
