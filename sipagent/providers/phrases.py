"""Declared phrases as the embedded ears' grammar sees them: plain words of its dictionary."""

import re
import unicodedata
from collections.abc import Iterable

from sipagent.errors import ProviderError

from .dictionary import pronunciations

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NOT_A_WORD = re.compile(r"[^a-z']+")


class UnknownWords(ProviderError):
    """Declared phrases hold words that the dictionary lacks; `words` lists them."""

    def __init__(self, unknown: tuple[str, ...]) -> None:
        cause = f"not in the dictionary: {', '.join(unknown)}"
        super().__init__("grammar", cause, retryable=False)
        self.words = unknown


def words(phrase: str) -> tuple[str, ...]:
    """Lower case, without accents and punctuation; digits are read out one by one.

    `"Press 1, please!"` is press, one, please.
    """
    text = unicodedata.normalize("NFKD", phrase.replace("\u2019", "'")).lower()
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    spelt = re.sub(r"[0-9]", lambda digit: f" {_DIGITS[int(digit[0])]} ", text)
    found = (word.strip("'") for word in _NOT_A_WORD.split(spelt))
    return tuple(word for word in found if word)


def unknown_words(phrases: Iterable[str]) -> tuple[str, ...]:
    """Words of `phrases` that the embedded ears cannot hear, each once, in order of appearance.

    Loads no model: fit for a check of plans.
    """
    wanted = dict.fromkeys(word for phrase in phrases for word in words(phrase))
    return tuple(word for word in wanted if not pronunciations(word))


def grammar(phrases: Iterable[tuple[str, ...]]) -> str:
    """A JSGF grammar (JSpeech Grammar Format 1.0) that accepts exactly one of `phrases`."""
    choices = " | ".join(" ".join(phrase) for phrase in phrases)
    return f"#JSGF V1.0; grammar declared; public <phrase> = {choices};"
