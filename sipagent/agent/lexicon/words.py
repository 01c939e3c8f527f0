"""Lexicon: the words by which a language shows what its speaker is about. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

_NO_WORD = re.compile(r"[^\w']+")
#: what an agent may ask for that people say in pieces
Asked = Literal["spelling", "email", "address", "number"]


def plain(text: str) -> str:
    """Lower case, words only, one space between them."""
    return _NO_WORD.sub(" ", text.lower().replace("\u2019", "'")).strip()


def several(text: str) -> frozenset[str]:
    """Entries of a list, separated by commas."""
    return frozenset(" ".join(entry.split()) for entry in text.split(",") if entry.strip())


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All in lower case, as `plain` writes them; entries of several words are phrases."""

    #: said to show that one listens, not that one wants to speak
    backchannels: frozenset[str]
    #: asks for a moment
    hold_on: frozenset[str]
    #: said while looking for words
    hesitations: frozenset[str]
    #: words with which no sentence ends: articles, conjunctions, prepositions
    openers: frozenset[str]
    #: words of a dictated number, beside figures
    digits: frozenset[str]
    #: plain answers
    yes: frozenset[str]
    no: frozenset[str]
    #: words in a question by which one tells what it asks for
    asks: Mapping[Asked, frozenset[str]]

    def is_backchannel(self, text: str, more: Collection[str] = ()) -> bool:
        """True for "mm-hmm", "okay", "yeah, right": nothing but signs of listening. `more` are
        signs of listening in this agent's calls, plain.
        """
        return bool(plain(text)) and not _others(text, self.backchannels, more)

    def may_become_backchannel(self, text: str, more: Collection[str] = ()) -> bool:
        """True for the beginning of one of several words: "I" of "I see"."""
        begun = f"{plain(text)} "
        return any(phrase.startswith(begun) for phrase in (*self.backchannels, *more))

    def is_answer(self, text: str) -> bool:
        """True for a plain yes or a plain no, and nothing more."""
        return plain(text) in self.yes | self.no

    def asks_to_wait(self, text: str) -> bool:
        """True for "hold on", "just one moment please" and the like, and little more to it."""
        others, words = _others(text, self.hold_on), plain(text).split()
        return len(others) < len(words) and len(others) <= _AROUND


#: words around "one moment" that still ask for nothing else: "oh just one moment please"
_AROUND = 3
#: words of the longest entry
_LONGEST = 5


def _others(text: str, *known: Collection[str]) -> list[str]:
    """The words that belong to no entry; entries of more words are looked for first."""
    words, others = plain(text).split(), list[str]()
    while words:
        for count in range(min(_LONGEST, len(words)), 0, -1):
            entry = " ".join(words[:count])
            if any(entry in entries for entries in known):
                del words[:count]
                break
        else:
            others.append(words.pop(0))
    return others
