"""Babble: providers that do not stop, bounded. Pure.

The bounds are wide: nothing a sane provider does comes near them. They keep an insane one from
filling the memory, holding the loop, or talking for ever.
"""

import re
from collections import Counter

_SENTENCE = re.compile(r"[^.!?…。！？\n]+[.!?…。！？\n]+")
#: the same sentence so often in one answer is a model that goes round in circles
_REPEATS = 3
#: sentences shorter than this may well be said thrice: "No. No. No."
_LONG_ENOUGH = 12
#: seconds of sound for a sentence, for each letter, and for each sign that may be a word: a digit,
#: a syllable of Chinese
_SOUND_SECONDS, _PER_LETTER, _PER_SIGN = 3.0, 0.2, 0.7
#: partial texts in one turn, and for each frame heard
_PARTIALS, _PARTIALS_PER_FRAME = 100, 2
#: characters that can be said in no time, and in a second
_TEXT, _TEXT_PER_SECOND = 300, 60


class Answer:
    """One answer of a mind as it streams; `limit` is in characters."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._length = 0
        self._open = ""
        self._said: Counter[str] = Counter()

    def goes_on(self, text: str) -> str:
        """Why the answer must not go on with this text, or nothing."""
        self._length += len(text)
        if self._length > self._limit:
            return f"it is longer than {self._limit} characters"
        self._open += text
        end = 0
        for sentence in _SENTENCE.finditer(self._open):
            end = sentence.end()
            plain = " ".join(sentence.group().lower().split())
            if len(plain) >= _LONG_ENOUGH:
                self._said[plain] += 1
                if self._said[plain] >= _REPEATS:
                    return f"it says the same thing {_REPEATS} times"
        self._open = self._open[end:]
        return ""


def longest_sound(text: str, rate: int) -> int:
    """Samples that a mouth may make of a text at `rate` Hz."""
    letters = sum(char.isascii() and not char.isdigit() for char in text)
    seconds = _SOUND_SECONDS + _PER_LETTER * letters + _PER_SIGN * (len(text) - letters)
    return int(seconds * rate)


def most_partials(frames: int) -> int:
    """Partial texts that ears may send for so many 20 ms frames."""
    return _PARTIALS + _PARTIALS_PER_FRAME * frames


def longest_text(seconds: float) -> int:
    """Characters that can have been said in so much audio."""
    return _TEXT + int(_TEXT_PER_SECOND * seconds)
