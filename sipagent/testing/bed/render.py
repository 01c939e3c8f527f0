"""Rendered: a line as sound, with the time at which each of its words has been said."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np

from sipagent.errors import ConfigError, Finding
from sipagent.testing.audio import RATE, read_wav
from sipagent.testing.prompts import PROMPTS, prompt
from sipagent.testing.voice import speak

from .scenario import Line
from .sounds import Dice, loudness, make, pcm_of, samples_of

#: part of the loudest sample above which a line counts as heard
_AUDIBLE = 0.05
_PAUSE = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and when it is over: ms from the line's first sample."""

    text: str
    end_ms: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """Mono s16le at 8 kHz. `onset_ms` and `end_ms` are where its first and its last sound is; a
    line without sound has none: both are 0. `confidence` is how sure ears are of its words.
    """

    pcm: bytes
    words: tuple[Word, ...] = ()
    onset_ms: float = 0.0
    end_ms: float = 0.0
    confidence: float = 1.0

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(word.text for word in self.words)

    @property
    def duration_ms(self) -> float:
        """First to last sample."""
        return len(self.pcm) / 2 * 1000 / RATE


def render(line: Line, voice: str, dice: Dice) -> Rendered:
    """A line in a voice; of a sound, another one each time. Raises ConfigError where it names a
    recording that is not there.
    """
    if line.sound is not None:
        return _joined([(make(line.sound, dice), "")], loudness(line.gain_db))
    return _rendered(line, voice)


@cache
def _rendered(line: Line, voice: str) -> Rendered:
    if line.say:
        pieces = _said(line.say, line.voice or voice)
    elif line.prompt:
        pieces = [(_prompt(line.prompt), PROMPTS[line.prompt])]
    elif line.wav is not None:
        pieces = [(_file(line), line.words)]
    else:
        return Rendered(b"")
    return _joined(pieces, loudness(line.gain_db))


def _said(text: str, voice: str) -> list[tuple[bytes, str]]:
    """Speech and pauses in turn: every odd part of the split is a pause."""
    pieces: list[tuple[bytes, str]] = []
    for number, part in enumerate(_PAUSE.split(text)):
        if number % 2:
            pieces.append((bytes(2 * samples_of(int(part))), ""))
        elif part.strip():
            pieces.append((_trimmed(speak(part.strip(), voice)), part))
    return pieces


@cache
def _trimmed(pcm: bytes) -> bytes:
    """Without the silence a mouth puts around a sentence: pauses are as long as they are said."""
    first, last = _audible(pcm)
    return pcm[2 * first : 2 * last]


def _audible(pcm: bytes) -> tuple[int, int]:
    """Where the first audible sample is, and the end of the last one."""
    level = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    loud = np.flatnonzero(level > max(1.0, level.max(initial=0) * _AUDIBLE))
    return (int(loud[0]), int(loud[-1]) + 1) if loud.size else (0, 0)


def _joined(pieces: list[tuple[bytes, str]], gain: float) -> Rendered:
    words: list[Word] = []
    at = 0.0
    for pcm, text in pieces:
        length = len(pcm) / 2 * 1000 / RATE
        spoken = text.split()
        letters = list(accumulate(len(word) + 1 for word in spoken))
        words += [
            Word(word, at + length * so_far / letters[-1])
            for word, so_far in zip(spoken, letters, strict=True)
        ]
        at += length
    whole = b"".join(pcm for pcm, _ in pieces)
    if gain != 1.0:
        whole = pcm_of(np.frombuffer(whole, "<i2").astype(np.float64) * gain)
    first, last = _audible(whole)
    return Rendered(whole, tuple(words), 1000 * first / RATE, 1000 * last / RATE)


def _prompt(name: str) -> bytes:
    if name not in PROMPTS:
        raise _absent("prompt", f"there is no recorded prompt {name!r}")
    try:
        return prompt(name)
    except OSError:
        cause = "Debian's asterisk-core-sounds-en-wav is not installed"
        raise _absent("prompt", cause) from None


def _file(line: Line) -> bytes:
    assert line.wav is not None
    try:
        pcm, rate = read_wav(line.wav)
    except (OSError, EOFError, ValueError) as error:
        raise _absent("wav", str(error)) from None
    if rate != RATE:
        raise _absent("wav", f"{line.wav} is sampled at {rate} Hz, not {RATE}")
    return pcm


def _absent(key: str, cause: str) -> ConfigError:
    return ConfigError([Finding("scenario", 1, key, cause)])
