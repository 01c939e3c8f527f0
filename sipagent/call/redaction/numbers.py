"""Numbers in what people say: digits as written or spoken, however they are grouped. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s]")
_ENGLISH = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "niner": "9", "ten": "10", "eleven": "11", "twelve": "12",
    "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17",
    "eighteen": "18", "nineteen": "19", "hundred": "00", "thousand": "000",
}  # fmt: skip
#: digits in the languages whose words for them differ; a run is so long that a word which means
#: something else in another language does no harm
_OTHERS = {
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
}
_WORDS = {
    **{word: str(n) for words in _OTHERS.values() for n, word in enumerate(words.split())},
    "zwo": "2",
    **_ENGLISH,
}
_TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fourty": "4", "fifty": "5", "sixty": "6",
    "seventy": "7", "eighty": "8", "ninety": "9",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "treble": 3}
#: what recognisers make of a digit: counted inside a number, never at its edge
_HOMOPHONES = {"for": "4", "fore": "4", "to": "2", "too": "2", "won": "1", "ate": "8", "tree": "3"}
#: what people say between digits, and what is written there
_BETWEEN = frozenset(
    {"and", "then", "uh", "um", "er", "erm", "ah", "dash", "minus", "hyphen", "space", "slash",
     "point", "dot", "comma", "okay", "again", "und", "et", "y", "e", "-", ".", ",", "/", "(", ")",
     "–", "…", "·"}
)  # fmt: skip
#: of those, how many may stand in a row
_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Run:
    """Digits that belong together, from character `start` to `end`."""

    start: int
    end: int
    digits: str


@dataclass(slots=True)
class _Open:
    """A run being read. `pending` are homophones that count once a digit follows."""

    start: int
    end: int = 0
    digits: str = ""
    pending: str = ""
    between: int = 0
    times: int = 1
    #: True after `forty`: a unit takes the place of its zero
    tens: bool = False


def only_between(text: str) -> bool:
    """True where nothing stands that would not stand within a number."""
    return all(token[0].casefold() in _BETWEEN for token in _TOKEN.finditer(text))


def runs(text: str) -> Iterator[Run]:
    """Every run of digits in the text, the shortest too."""
    run: _Open | None = None
    for token in _TOKEN.finditer(text):
        word = token[0].casefold()
        digits = word if word.isdecimal() else _WORDS.get(word, "")
        if word in _TENS or digits or word in _TIMES:
            run = run or _Open(token.start())
            _take(run, word, digits, token.end())
        elif run is not None and word in _HOMOPHONES:
            run.pending += _HOMOPHONES[word]
        elif run is not None and word in _BETWEEN and run.between < _AT_MOST:
            run.between += 1
        elif run is not None:
            yield from _closed(run)
            run = None
    if run is not None:
        yield from _closed(run)


def _take(run: _Open, word: str, digits: str, end: int) -> None:
    run.digits += run.pending
    run.pending, run.between = "", 0
    if word in _TIMES:
        run.times, run.tens = _TIMES[word], False
        return
    if word in _TENS:
        run.digits += (_TENS[word] + "0") * run.times
        run.tens = True
    elif run.tens and len(digits) == 1 and not word.isdecimal() and digits != "0":
        run.digits = run.digits[:-1] + digits
        run.tens = False
    else:
        run.digits += digits * run.times
        run.tens = False
    run.times, run.end = 1, end


def _closed(run: _Open) -> Iterator[Run]:
    if run.digits:
        yield Run(run.start, run.end, run.digits)
