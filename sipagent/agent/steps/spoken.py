"""Spoken English as what it stands for: numbers, digits, letters, e-mail addresses. Pure."""

import re

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_DIGITS = {word: str(n) for n, word in enumerate(_UNITS[:10])}
_DIGITS |= {"oh": "0", "o": "0", "nought": "0"}
_VALUES = {word: n for n, word in enumerate(_UNITS)} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
#: words around a number that are not of it
_FILLING = frozenset(
    {
        "a", "an", "and", "code", "er", "is", "it", "it's", "its", "my", "number", "please",
        "that's", "thats", "the", "uh", "um", "well",
    }
)  # fmt: skip
_WORD = re.compile(r"[a-z0-9']+")
_AT = re.compile(r"\s*(?:@|\bat\b)\s*")
_DOT = re.compile(r"\s*(?:\.(?!$)|\bdot\b|\bpoint\b)\s*")
_DASH = re.compile(r"\s*\b(?:dash|hyphen|minus)\b\s*")
_LINE = re.compile(r"\s*\bunderscore\b\s*")


def words_of(text: str) -> list[str]:
    """Lower-case words and figures."""
    return _WORD.findall(text.lower())


def digits_of(text: str) -> str | None:
    """`four seven double one`, `47 11`, `oh one`: the digits; None where anything else was said."""
    found, times, tens = "", 1, False
    for word in words_of(text):
        if word in _TIMES:
            times = _TIMES[word]
            continue
        if word in _DIGITS or word.isdecimal():
            digits = _DIGITS.get(word, word)
            # twenty three: the three stands where the nought was
            found = found[:-1] + digits if tens and digits != "0" else found + digits * times
        elif word in _VALUES:
            found += str(_VALUES[word]) * times
        elif word in _FILLING:
            continue
        else:
            return None
        times, tens = 1, word in _TENS
    return found if times == 1 else None


def number_of(text: str) -> int | float | None:
    """`42`, `3.5`, `1,200`, `minus two`, `four hundred and twelve`; None where it is none."""
    plain = text.strip().lower().rstrip(".")
    if re.fullmatch(r"[-+]?\d[\d,]*(\.\d+)?", plain):
        value = float(plain.replace(",", ""))
        return int(value) if value.is_integer() and "." not in plain else value
    words = [w for w in words_of(plain.replace("-", " ")) if w not in _FILLING]
    sign = -1 if words[:1] == ["minus"] else 1
    words = words[1:] if sign < 0 else words
    if not words:
        return None
    if all(w in _DIGITS or w.isdecimal() for w in words):
        return sign * int("".join(_DIGITS.get(w, w) for w in words))
    total = group = 0
    for word in words:
        if word in _VALUES or word.isdecimal():
            group += _VALUES[word] if word in _VALUES else int(word)
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in _SCALES:
            total, group = total + (group or 1) * _SCALES[word], 0
        else:
            return None
    return sign * (total + group)


def email_of(text: str) -> str:
    """`ann dot lee at example dot com` as it is written."""
    plain = _AT.sub("@", text.strip().lower())
    for pattern, sign in ((_DOT, "."), (_DASH, "-"), (_LINE, "_")):
        plain = pattern.sub(sign, plain)
    return plain.rstrip(".").replace(" ", "")


def letters_of(text: str) -> str | None:
    """`S, M, I, double T H`, `b as in bravo`, `smith`: the letters, in capitals; None for none."""
    words = words_of(text)
    if len(words) == 1 and len(words[0]) > 1:
        return words[0].upper()
    found, times, skip = "", 1, 0
    for index, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in _TIMES:
            times = _TIMES[word]
        elif len(word) == 1 or word in _DIGITS:
            found += (word if len(word) == 1 else _DIGITS[word]) * times
            times = 1
            skip = _example(words[index + 1 :])
        elif word not in _FILLING:
            return None
    return found.upper() or None


def _example(rest: list[str]) -> int:
    """How many words are `as in bravo`, `for bravo`, `like bravo`."""
    if rest[:2] == ["as", "in"] and len(rest) > 2:
        return 3
    return 2 if rest[:1] in (["for"], ["like"]) and len(rest) > 1 else 0
