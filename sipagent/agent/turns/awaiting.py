"""What a caller is likely to say now: from what the mind expects. Pure."""

from ..lexicon.words import plain
from ..protocols import Expectation
from .rules import Awaiting


def awaiting(expected: Expectation) -> Awaiting:
    """For the rules that end a turn."""
    phrases = frozenset(plain(phrase) for phrase in expected.phrases)
    return Awaiting(expected.awaits, phrases=phrases, language=expected.language)
