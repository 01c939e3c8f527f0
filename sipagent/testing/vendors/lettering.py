"""Lettering: speech that spells its text, so that a test reads what was heard back from the PCM."""

import numpy as np

from sipagent.media.g711 import decode, encode

#: every letter sounds so long
LETTER_MS = 10
#: a letter is a square wave; its level, and what becomes of it in mu-law, names the letter
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'- "
_LEVELS = 1000 * 1.07 ** np.arange(len(_LETTERS))


def lettered(text: str, rate: int) -> bytes:
    """s16le at `rate` Hz, 10 ms a letter; letters it does not know are left out."""
    known = [_LETTERS.index(letter) for letter in text.lower() if letter in _LETTERS]
    samples = rate * LETTER_MS // 1000
    signs = np.resize(np.array([1, -1]), samples)
    waves = np.rint(np.concatenate([_LEVELS[index] * signs for index in known] or [np.empty(0)]))
    # as mu-law would leave it, so that both ways of sending it are heard alike
    return decode("PCMU", encode("PCMU", waves.astype("<i2").tobytes()))


def read(pcm: bytes, rate: int) -> str:
    """The text that was spoken, in small letters, as far as whole letters came."""
    samples = rate * LETTER_MS // 1000
    heard = np.abs(np.frombuffer(pcm, "<i2").astype(float))
    levels = heard[: len(heard) // samples * samples].reshape(-1, samples).mean(axis=1)
    nearest = np.abs(levels[:, None] - _LEVELS[None, :]).argmin(axis=1)
    return "".join(_LETTERS[index] for index in nearest)
