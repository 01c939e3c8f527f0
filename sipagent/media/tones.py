"""Tones: sine mixtures in a cadence, and how a ringing phone sounds in each country."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: -16 dBFS for the sum, about what exchanges send (ITU-T E.180 asks for -10 dBm0 +-5)
_AMPLITUDE = 0.22 * 32_767
#: ramps that keep the switching from clicking
_RAMP_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class Cadence:
    """Frequencies in Hz sounded together, and seconds on, off, on, off ..."""

    frequencies: tuple[float, ...]
    pattern: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Length of one whole cycle."""
        return sum(self.pattern)


_BRITISH = (0.4, 0.2, 0.4, 2.0)
#: ringback tones, from the national values collected in ITU-T E.180 supplement 2
RINGBACK: Mapping[str, Cadence] = {
    "at": Cadence((420,), (1.0, 5.0)),
    "au": Cadence((413, 438), _BRITISH),
    "be": Cadence((425,), (1.0, 3.0)),
    "br": Cadence((425,), (1.0, 4.0)),
    "ca": Cadence((440, 480), (2.0, 4.0)),
    "ch": Cadence((425,), (1.0, 4.0)),
    "cn": Cadence((450,), (1.0, 4.0)),
    "cz": Cadence((425,), (1.0, 4.0)),
    "de": Cadence((425,), (1.0, 4.0)),
    "dk": Cadence((425,), (1.0, 4.0)),
    "es": Cadence((425,), (1.5, 3.0)),
    "fi": Cadence((425,), (1.0, 4.0)),
    "fr": Cadence((440,), (1.5, 3.5)),
    "gb": Cadence((400, 450), _BRITISH),
    "gr": Cadence((425,), (1.0, 4.0)),
    "hk": Cadence((440, 480), (0.4, 0.2, 0.4, 3.0)),
    "ie": Cadence((400, 450), _BRITISH),
    "it": Cadence((425,), (1.0, 4.0)),
    "jp": Cadence((384, 416), (1.0, 2.0)),
    "mx": Cadence((425,), (1.0, 4.0)),
    "nl": Cadence((425,), (1.0, 4.0)),
    "no": Cadence((425,), (1.0, 4.0)),
    "nz": Cadence((400, 450), _BRITISH),
    "pl": Cadence((425,), (1.0, 4.0)),
    "pt": Cadence((425,), (1.0, 5.0)),
    "se": Cadence((425,), (1.0, 5.0)),
    "uk": Cadence((400, 450), _BRITISH),
    "us": Cadence((440, 480), (2.0, 4.0)),
}


def cycle(cadence: Cadence, rate: int) -> bytes:
    """One cycle of a cadence as mono 16-bit PCM at `rate` Hz."""
    parts = [
        _sounding(cadence.frequencies, seconds, rate)
        if index % 2 == 0
        else bytes(2 * round(seconds * rate))
        for index, seconds in enumerate(cadence.pattern)
    ]
    return b"".join(parts)


def _sounding(frequencies: tuple[float, ...], seconds: float, rate: int) -> bytes:
    count = round(seconds * rate)
    time = np.arange(count) / rate
    wave = np.sum([np.sin(2 * np.pi * hertz * time) for hertz in frequencies], axis=0)
    edge = np.minimum(np.arange(count), np.arange(count)[::-1])
    envelope = np.clip(edge / max(1.0, _RAMP_SECONDS * rate), 0.0, 1.0)
    scaled: np.ndarray = wave * envelope * (_AMPLITUDE / len(frequencies))
    return scaled.astype("<i2").tobytes()
