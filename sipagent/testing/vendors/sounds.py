"""Sounds that vendors' servers send, and how long one lasts and how high it is."""

import numpy as np


def tone(hertz: float, ms: int, rate: int) -> bytes:
    """A sine at -9 dBFS as s16le mono."""
    t = np.arange(rate * ms // 1000) / rate
    return bytes((np.sin(2 * np.pi * hertz * t) * 11_600).astype("<i2").tobytes())


def pitch_of(pcm: bytes, rate: int) -> float:
    """The strongest frequency of s16le mono, Hz."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))
