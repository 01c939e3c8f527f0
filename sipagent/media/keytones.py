"""Keys as tones in the audio itself, recognised (ITU-T Q.23, Q.24).

The last resort for far ends without telephone-events: it looks at every frame, so it is run only
where no better way was agreed.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
PAD = ("123A", "456B", "789C", "*0#D")

#: one look at the sound: 20 ms every 10 ms, so that two whole ones fit into the shortest key
_WINDOW_SECONDS = 0.020
_HOP_SECONDS = 0.010
#: real keypads are off by 1.5 %, and a window's own width forgives half of that
_DETUNED = (-0.012, 0.0, 0.012)
#: RMS of one tone, 16-bit units: -36 dBm0 (full scale is +3.14 dBm0)
_FAINTEST = 32_767 / 2**0.5 * 10 ** ((-36 - 3.14) / 20)
#: how much of all sound the two tones must be: speech spreads its power over harmonics
_PURITY = 0.72
#: column over row, as power: Q.24 wants 4 dB and 8 dB forgiven, some networks need more
_TWIST = (10**-1.0, 10**0.8)
#: next best tone of the same group, as power
_NEXT_BEST = 10**-0.8
#: how far the level may move between two looks at one key, as power
_STEADY = 10**0.4
#: looks that must agree, and looks without the key that end it (40 ms of pause)
_AGREEING = 2
_RELEASED = 4


class KeyTones:
    """Feed it what one party says, whole frames at `rate` Hz; it tells each key once, at its
    beginning.
    """

    def __init__(self, rate: int) -> None:
        self._size = _size(rate)
        self._hop = round(_HOP_SECONDS * rate)
        self._floor = 2 * _FAINTEST**2 * self._size
        self._basis = _basis(self._size, rate)
        self._rest: NDArray[np.float32] = np.zeros(0, np.float32)
        self._key = ""
        self._level = 0.0
        self._seen = 0
        self._missing = 0

    @property
    def sounding(self) -> bool:
        """True while a key is heard."""
        return bool(self._key)

    def feed(self, pcm: bytes) -> str:
        """Keys that began to sound in what was just heard (s16le), mostly none."""
        sound = np.concatenate((self._rest, np.frombuffer(pcm, "<i2").astype(np.float32)))
        count = max(0, (len(sound) - self._size) // self._hop + 1)
        self._rest = sound[count * self._hop :]
        if not count:
            return ""
        looks = np.lib.stride_tricks.sliding_window_view(sound, self._size)[:: self._hop][:count]
        energies = np.einsum("ij,ij->i", looks, looks)
        if not self._key and energies.max() < self._floor:
            return ""  # the usual case, and the cheap one
        powers = self._powers(looks)
        return "".join(self._look(p, float(e)) for p, e in zip(powers, energies, strict=True))

    def _powers(self, looks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Energy of each of the eight tones in each look, at the best of its detunings."""
        parts = looks @ self._basis
        squares = (parts * parts).reshape(len(looks), 2, 8, len(_DETUNED)).sum(axis=1)
        powers: NDArray[np.float32] = squares.max(axis=2) * (2 / self._size)
        return powers

    def _look(self, powers: NDArray[np.float32], energy: float) -> str:
        """One look; the key when it is certain now."""
        key = self._recognised(powers, energy) if energy >= self._floor else ""
        if not key:
            self._missing += 1
            if self._missing >= _RELEASED or self._seen < _AGREEING:
                self._key, self._seen = "", 0
            return ""
        steady = 1 / _STEADY < energy / (self._level or energy) < _STEADY
        self._level, self._missing = energy, 0
        if key != self._key:
            self._key, self._seen = key, 1
            return ""
        if self._seen < _AGREEING:
            self._seen = self._seen + 1 if steady else 1
            return key if self._seen == _AGREEING else ""
        return ""

    def _recognised(self, powers: NDArray[np.float32], energy: float) -> str:
        """The key of one look, alone; empty where it is none."""
        rows, columns = powers[:4], powers[4:]
        row, column = int(rows.argmax()), int(columns.argmax())
        low, high = float(rows[row]), float(columns[column])
        if min(low, high) < self._floor / 2 or low + high < _PURITY * energy:
            return ""
        if not _TWIST[0] < high / low < _TWIST[1]:
            return ""
        others = max(
            float(np.delete(rows, row).max()) / low, float(np.delete(columns, column).max()) / high
        )
        return PAD[row][column] if others < _NEXT_BEST else ""


def learn_keys(rate: int) -> None:
    """Know the tones of this rate from now on: where it is done before a fork, no call does it."""
    _basis(_size(rate), rate)


def _size(rate: int) -> int:
    """Samples of one look."""
    return round(_WINDOW_SECONDS * rate)


@cache
def _basis(size: int, rate: int) -> NDArray[np.float32]:
    """Cosines, then sines, of every tone at every detuning: a column each. Only to be read: every
    listener of a rate has the same.
    """
    tones = np.array([hertz * (1 + off) for hertz in (*ROWS, *COLUMNS) for off in _DETUNED])
    angles = 2 * np.pi * np.outer(np.arange(size), tones) / rate
    return np.concatenate((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)
