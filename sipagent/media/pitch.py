"""Pitch: is what is heard one steady tone, and for how long? Beeps and fax machines are."""

from dataclasses import dataclass

import numpy as np

from .frames import FRAME_MS

#: RMS (16-bit units) below which nothing is a tone: -46 dBFS
_FLOOR = 160.0
#: of the power, how much lies within so many Hz of the peak; a vowel spreads over its harmonics
_PURE, _WIDTH = 0.92, 60.0
#: how far (Hz) a steady tone may wander from one frame to the next
_STEADY = 15.0
_POINTS = 2048


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone so far: Hz, and for how many ms."""

    hertz: float
    ms: int


class PitchWatch:
    """Fed every 20 ms frame, it looks at 40 ms at a time."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._before = b""
        self._window = np.hanning(rate * 2 * FRAME_MS // 1000)
        self._tone: Tone | None = None

    def frame(self, pcm: bytes) -> Tone | None:
        """One more frame; the tone that sounds, or None."""
        both, self._before = self._before + pcm, pcm
        hertz = self._pitch(both) if len(both) == 2 * len(pcm) else None
        if hertz is None:
            self._tone = None
        elif self._tone is not None and abs(hertz - self._tone.hertz) <= _STEADY:
            self._tone = Tone(hertz, self._tone.ms + FRAME_MS)
        else:
            self._tone = Tone(hertz, 2 * FRAME_MS)
        return self._tone

    def _pitch(self, pcm: bytes) -> float | None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        if float(np.sqrt(np.mean(samples**2))) < _FLOOR:
            return None
        power = np.abs(np.fft.rfft(samples * self._window, _POINTS)) ** 2
        bin_hertz = self._rate / _POINTS
        peak = int(np.argmax(power))
        width = round(_WIDTH / bin_hertz)
        near = float(np.sum(power[max(0, peak - width) : peak + width + 1]))
        return peak * bin_hertz if near >= _PURE * float(np.sum(power)) else None
