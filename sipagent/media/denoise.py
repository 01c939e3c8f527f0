"""Noise reduction: a spectral gate, for frames on their way to ears."""

import numpy as np
from numpy.typing import NDArray

from .frames import frame_bytes

#: how far above its minimum steady noise is taken to reach, as power: it swings
_BIAS = 8.0
#: how fast the estimate follows noise that grows, per frame: about 4 dB a second
_RISE = 1.02
#: what is left of noise, as amplitude: -20 dB, so that a pause does not sound dead
_FLOOR = 0.1
_SMOOTH = 0.7


class SpectralGate:
    """Weakens in each band what is not well above that band's steady noise. Frames of 20 ms s16le
    at `rate` Hz in, as many out, 20 ms later. About 0.03 ms of CPU a frame at 8 and 16 kHz.
    """

    def __init__(self, rate: int) -> None:
        self._size = frame_bytes(rate) // 2
        # the square root of a Hann window, once before and once after: they add up to one
        self._window = np.sin(np.pi * (np.arange(2 * self._size) + 0.5) / (2 * self._size))
        self._before = np.zeros(self._size)
        self._tail = np.zeros(self._size)
        self._power: NDArray[np.float64] | None = None
        self._noise = np.zeros(self._size + 1)
        self._gain = np.ones(self._size + 1)

    def feed(self, pcm: bytes) -> bytes:
        """The frame before this one, cleaned; a frame of another length is left as it is."""
        if len(pcm) != 2 * self._size:
            return pcm
        now = np.frombuffer(pcm, "<i2").astype(np.float64)
        spectrum = np.fft.rfft(np.concatenate((self._before, now)) * self._window)
        self._before = now
        power = np.abs(spectrum) ** 2 + 1.0
        if self._power is None:
            self._power, self._noise = power, power.copy()
        self._power = _SMOOTH * self._power + (1 - _SMOOTH) * power
        self._noise = np.minimum(self._power, self._noise * _RISE)
        wanted = np.sqrt(np.clip(1 - _BIAS * self._noise / np.maximum(self._power, power), 0, 1))
        # up at once, down gently: beginnings of words stay, and nothing gurgles
        self._gain = np.maximum(np.maximum(wanted, _FLOOR), _SMOOTH * self._gain)
        made = np.fft.irfft(spectrum * self._gain) * self._window
        out, self._tail = self._tail + made[: self._size], made[self._size :]
        return np.clip(np.rint(out), -32_768, 32_767).astype("<i2").tobytes()
