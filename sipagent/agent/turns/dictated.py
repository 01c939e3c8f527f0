"""What of the caller's words is dictated: figures, spelled letters, an address of mail. Pure."""

from collections.abc import Sequence

from ..lexicon.words import Lexicon


def is_figure(word: str, lexicon: Lexicon) -> bool:
    """True for "7", "4711" and "seven"."""
    return word.isdigit() or word in lexicon.digits


def figures(words: Sequence[str], lexicon: Lexicon) -> int:
    """How many figures the words end in: "my number is 47 one" ends in three."""
    count = 0
    for word in reversed(words):
        if not is_figure(word, lexicon):
            break
        count += len(word) if word.isdigit() else 1
    return count


#: words of one letter, in some language or other
_WORDS = frozenset("aeiouy\u00e0\u00e9\u00f3")


def dictates(words: Sequence[str], lexicon: Lexicon) -> bool:
    """True where there is a figure or a spelled letter anywhere, but not in "I don't have one"."""
    if declines(words, lexicon):
        return False
    single = [word for word in words if len(word) == 1 and word.isalpha()]
    spelled = len(single) > 1 or any(word not in _WORDS for word in single)
    return spelled or any(is_figure(word, lexicon) for word in words)


def declines(words: Sequence[str], lexicon: Lexicon) -> bool:
    """True for words with a no in them, and with one figure at most, written as a word."""
    if lexicon.no.isdisjoint(words):
        return False
    found = [word for word in words if is_figure(word, lexicon)]
    return not found or (len(found) == 1 and not found[0].isdigit())


def letters(words: Sequence[str]) -> int:
    """How many single letters the words end in, as in "rossi r o s s"."""
    count = 0
    for word in reversed(words):
        if len(word) != 1 or not word.isalpha():
            break
        count += 1
    return count
