"""Gain: PCM made louder or fainter."""

import numpy as np


def amplified(pcm: bytes, decibels: float) -> bytes:
    """Mono or stereo s16le, by so many dB; what would be louder than a sample can be is clipped."""
    if decibels == 0:
        return pcm
    # a chunk of any length: a half sample at its end is left as it is
    even = len(pcm) - len(pcm) % 2
    wave = np.frombuffer(pcm[:even], "<i2").astype(np.float32) * 10 ** (decibels / 20)
    louder: bytes = np.clip(wave, -32_768, 32_767).astype("<i2").tobytes()
    return louder + pcm[even:]
