"""Yes or no? Only a plain yes is one. Pure."""

from .lexicon.words import plain
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


def yes_or_no(text: str, digits: str = "") -> bool | None:
    """True for a plain yes (or key 1), False for anything with a no in it (or key 2), else None.

    A yes with more to it ("yes but first ...") is no plain yes.
    """
    if digits:
        return {"1": True, "2": False}.get(digits)
    words = plain(text).split()
    if any(word in _NO for word in words):
        return False
    if "of course" in plain(text) or "go ahead" in plain(text):
        words.append("yes")
    yes = any(word in _YES for word in words)
    return True if yes and all(word in _YES or word in _POLITE for word in words) else None
