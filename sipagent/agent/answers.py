"""Yes or no? Only a plain yes is one. Pure."""

from dataclasses import replace

from .lexicon.known import lexicon
from .lexicon.words import Lexicon, plain
from .protocols import Expectation

_YES = frozenset(
    {
        "absolutely", "ahead", "alright", "confirmed", "correct", "definitely", "do", "fine",
        "ok", "okay", "right", "sure", "yeah", "yep", "yes", "yup",
    }
)  # fmt: skip
_NO = frozenset(
    {
        "cancel", "don't", "dont", "never", "no", "nah", "nope", "not", "stop", "wait", "won't",
    }
)  # fmt: skip
_POLITE = frozenset(
    {
        "course", "go", "i", "is", "it", "like", "of", "please", "thank", "thanks", "that",
        "that's", "thats", "you",
    }
)  # fmt: skip

YES_OR_NO = Expectation(
    phrases=(
        "yes", "yes please", "yeah", "sure", "okay", "go ahead", "that's right", "correct",
        "no", "no thanks", "no thank you", "nope", "stop", "cancel", "wait",
    ),
    awaits="yes_no",
    keys=("1", "2"),
)  # fmt: skip


def yes_or_no_expected(language: str) -> Expectation:
    """What is expected after a question that wants a yes or a no, in a BCP 47 language."""
    if _english(language):
        return replace(YES_OR_NO, language=language)
    known = lexicon(language)
    phrases = tuple(sorted(known.yes | known.no))
    return replace(YES_OR_NO, language=language, phrases=phrases)


def yes_or_no(text: str, digits: str = "", language: str = "") -> bool | None:
    """True for a plain yes (or key 1), False for anything with a no in it (or key 2), else None.

    A yes with more to it ("yes but first ...") is no plain yes. `language` is a BCP 47 tag; empty
    is English.
    """
    if digits:
        return {"1": True, "2": False}.get(digits)
    words = plain(text).split()
    if any(word in _NO for word in words):
        return False
    if not _english(language):
        return _foreign(plain(text), lexicon(language))
    if "of course" in plain(text) or "go ahead" in plain(text):
        words.append("yes")
    yes = any(word in _YES for word in words)
    return True if yes and all(word in _YES or word in _POLITE for word in words) else None


def _english(language: str) -> bool:
    return language.partition("-")[0].lower() in ("", "en")


def _foreign(said: str, known: Lexicon) -> bool | None:
    """By its own words alone: those of English may mean anything in other languages."""
    words = said.split()
    if said in known.no or any(word in known.no for word in words):
        return False
    yes = said in known.yes or (words and all(word in known.yes for word in words))
    return True if yes else None
