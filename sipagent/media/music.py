"""Music on hold for whoever has none of their own: a few soft chords, made here."""

from functools import cache

import numpy as np

#: quiet enough to wait by: the loudest moment is -18 dBFS
_PEAK = 0.126 * 32_767
_BAR_SECONDS = 2.4
#: Dmaj7, Bm7, Gmaj7, A7sus4, each as its notes in Hz, low to high
_CHORDS = (
    (293.66, 369.99, 440.00, 554.37),
    (246.94, 293.66, 369.99, 440.00),
    (196.00, 293.66, 369.99, 493.88),
    (220.00, 293.66, 329.63, 392.00),
)
#: which note of the chord sounds on each eighth
_PATTERN = (0, 2, 1, 3, 2, 1, 3, 2)


@cache
def soft_music(rate: int) -> bytes:
    """One round of about ten seconds as mono 16-bit PCM at `rate` Hz; it can be looped."""
    bar = round(_BAR_SECONDS * rate)
    wave = np.zeros(bar * len(_CHORDS))
    for index, chord in enumerate(_CHORDS):
        for eighth, note in enumerate(_PATTERN):
            start = index * bar + eighth * bar // len(_PATTERN)
            piece = _plucked(chord[note], rate)
            # what rings on at the end goes over into the beginning
            wave[(start + np.arange(len(piece))) % len(wave)] += piece
    scaled: np.ndarray = wave * (_PEAK / np.max(np.abs(wave)))
    return scaled.astype("<i2").tobytes()


def _plucked(hertz: float, rate: int, seconds: float = 1.8) -> np.ndarray:
    """A soft string: a few harmonics that die away, the higher ones sooner."""
    time = np.arange(round(seconds * rate)) / rate
    rise = np.minimum(1.0, time / 0.02)
    tail = np.clip((seconds - time) / 0.2, 0.0, 1.0)
    wave = np.zeros_like(time)
    for harmonic, level in ((1, 1.0), (2, 0.35), (3, 0.12)):
        fade = np.exp(-time * (1.6 + harmonic))
        wave += level * fade * np.sin(2 * np.pi * hertz * harmonic * time)
    plucked: np.ndarray = wave * rise * tail
    return plucked
