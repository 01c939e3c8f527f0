"""Is this an answer to the question? What callers say and models give, to values. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ..answers import yes_or_no
from ..protocols import Awaited
from .spec import Kind, Question
from .spoken import digits_of, email_of, letters_of, number_of, words_of

#: characters of an answer in free words
LONGEST = 500
_EMAIL = re.compile(r"[\w.+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,24}")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
_DATES = (
    "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d%m%Y", "%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y",
)  # fmt: skip

#: what turn-taking is told to expect
AWAITED: Mapping[Kind, Awaited] = {
    "number": "number",
    "digits": "number",
    "date": "number",
    "email": "email",
    "address": "address",
    "spelling": "spelling",
    "yes_no": "yes_no",
}


@dataclass(frozen=True, slots=True)
class Valid:
    """An answer, and how it is read back."""

    value: str | int | float | bool
    spoken: str


def validate(question: Question, text: str, digits: str = "") -> Valid | str:
    """The answer in what was said, typed (`digits`) or given by a model; or what is wrong with it
    in words for the caller's ear.
    """
    found = _READ[question.type](question, text.strip(), digits)
    if isinstance(found, str) or question.pattern is None:
        return found
    fits = re.fullmatch(question.pattern, str(found.value)) is not None
    return found if fits else f"{found.spoken} does not look right."


def _string(question: Question, text: str, digits: str) -> Valid | str:
    text = text or digits
    if not text:
        return "I did not get that."
    return Valid(text, text) if len(text) <= LONGEST else "That was too long."


def _digits(question: Question, text: str, digits: str) -> Valid | str:
    found = digits or digits_of(text)
    if not found or not found.isdecimal():
        return "I need digits only."
    spoken = " ".join(found)
    if question.length is not None and len(found) != question.length:
        return f"I have {spoken}, but it should be {question.length} digits."
    return Valid(found, spoken)


def _number(question: Question, text: str, digits: str) -> Valid | str:
    found = int(digits) if digits.isdecimal() else number_of(text)
    return "I need a number." if found is None else Valid(found, str(found))


def _email(question: Question, text: str, digits: str) -> Valid | str:
    found = email_of(text)
    if _EMAIL.fullmatch(found) is None:
        return "That is not an e-mail address."
    return Valid(found, found.replace(".", " dot ").replace("@", " at "))


def _date(question: Question, text: str, digits: str) -> Valid | str:
    plain = _ORDINAL.sub(r"\1", (digits or text).lower().replace(",", " ").replace(" of ", " "))
    plain = " ".join(plain.removeprefix("the ").split())
    for form in _DATES:
        try:
            found = datetime.strptime(plain, form).date()
        except ValueError:
            continue
        return Valid(found.isoformat(), _read_out(found))
    return "I need a day, a month and a year."


def _read_out(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _yes_no(question: Question, text: str, digits: str) -> Valid | str:
    found = {"true": True, "false": False}.get(text.lower(), yes_or_no(text, digits))
    return "I need a yes or a no." if found is None else Valid(found, "yes" if found else "no")


def _choice(question: Question, text: str, digits: str) -> Valid | str:
    choices = question.choices
    if digits:
        index = int(digits) - 1 if digits.isdecimal() else -1
        if 0 <= index < len(choices):
            return Valid(choices[index], choices[index])
    else:
        said = f" {' '.join(words_of(text))} "
        named = [c for c in choices if f" {' '.join(words_of(c))} " in said]
        if len(named) == 1:
            return Valid(named[0], named[0])
    return f"It can be {_listed(choices)}."


def _listed(choices: tuple[str, ...]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def _address(question: Question, text: str, digits: str) -> Valid | str:
    if len(text) < 6 or len(text.split()) < 2:
        return "I need the whole address."
    return Valid(text, text) if len(text) <= LONGEST else "That was too long."


def _spelling(question: Question, text: str, digits: str) -> Valid | str:
    found = letters_of(text)
    return "Please spell it letter by letter." if not found else Valid(found, " ".join(found))


_READ: Mapping[Kind, Callable[[Question, str, str], Valid | str]] = {
    "string": _string,
    "number": _number,
    "digits": _digits,
    "email": _email,
    "date": _date,
    "yes_no": _yes_no,
    "choice": _choice,
    "address": _address,
    "spelling": _spelling,
}
