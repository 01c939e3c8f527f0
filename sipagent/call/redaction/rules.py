"""Rules of redaction: what of a text is to go, and what stands in its place. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Tag

from .numbers import Run, runs
from .patterns import Pattern

Kind = Literal["card_numbers", "iban", "email", "phone", "keys"]
Rule = Kind | Pattern
#: every rule that needs no pattern
BUILT_IN: tuple[Kind, ...] = get_args(Kind)
#: the same where it is read: a mistake is told of the form that was meant
ReadRule = Annotated[
    Annotated[Kind, Tag("name")] | Annotated[Pattern, Tag("pattern")],
    Discriminator(lambda given: "name" if isinstance(given, str) else "pattern"),
]
#: a card number has 12 to 19 digits (ISO/IEC 7812-1); below 13 they are too often something else
CARD_DIGITS = 13
#: numbers of the public network have 7 to 15 (E.164)
_PHONE_DIGITS = range(7, 16)
#: so many digits at the end of words that are not whole yet may become any of them
_UNFINISHED = 5
_IBAN = re.compile(r"\b[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?\b", re.IGNORECASE)
_EMAIL = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"
    r"|\b[\w.+-]{1,64}(?: (?:dot|underscore|dash) [\w+-]{1,64}){0,4} at "
    r"[\w-]{1,63}(?: ?(?:dot |\.)[\w-]{2,63}){1,4}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """From character `start` to `end`, `name` is to stand there in brackets."""

    start: int
    end: int
    name: str


def redacted(text: str, rules: Iterable[Rule], *, unfinished: bool = False) -> str:
    """The text with what the rules name replaced: `[card number]`. `unfinished` words may go on:
    a number at their end goes whatever it may become.
    """
    kept, at = "", 0
    for span in spans(text, rules, unfinished=unfinished):
        kept += text[at : span.start] + f"[{span.name}]"
        at = span.end
    return kept + text[at:]


def spans(text: str, rules: Iterable[Rule], *, unfinished: bool = False) -> list[Span]:
    """What is to go, in order. Two that overlap are one, of the first rule's name."""
    found: list[Span] = []
    wanted = sorted(rules, key=_rank)
    for rule in wanted:
        for new in _spans(text, rule):
            found = _added(found, new)
    if unfinished and {"card_numbers", "phone"} & {r for r in wanted if isinstance(r, str)}:
        for run in runs(text):
            if len(run.digits) >= _UNFINISHED and not text[run.end :].strip(" .,-…"):
                found = _added(found, Span(run.start, run.end, "number"))
    return sorted(found, key=lambda span: span.start)


def _rank(rule: Rule) -> int:
    """What tells the most about a text first: its name stands for those it overlaps."""
    return (
        -1 if isinstance(rule, Pattern) else list(_FINDERS).index(rule) if rule in _FINDERS else 9
    )


def _added(found: list[Span], new: Span) -> list[Span]:
    meeting = [span for span in found if span.start < new.end and new.start < span.end]
    if meeting:
        ends = (min(s.start for s in (*meeting, new)), max(s.end for s in (*meeting, new)))
        new = Span(*ends, meeting[0].name)
    return [*(span for span in found if span not in meeting), new]


def _spans(text: str, rule: Rule) -> Iterator[Span]:
    if isinstance(rule, Pattern):
        for start, end in rule.spans(text):
            yield Span(start, end, rule.name)
    elif rule in _FINDERS:
        yield from _FINDERS[rule](text)


def _cards(text: str) -> Iterator[Span]:
    # ears mishear: a check digit that is wrong says nothing
    for run in runs(text):
        if len(run.digits) >= CARD_DIGITS:
            yield _whole(run, "card number")


def _phones(text: str) -> Iterator[Span]:
    for run in runs(text):
        if len(run.digits) in _PHONE_DIGITS:
            start = run.start - 1 if text[: run.start].endswith("+") else run.start
            yield Span(start, run.end, "phone number")


def _whole(run: Run, name: str) -> Span:
    return Span(run.start, run.end, name)


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        compact = match[0].replace(" ", "").upper()
        if sum(map(str.isdigit, compact)) >= 12 or _checks(compact):
            yield Span(*match.span(), "IBAN")


def _checks(iban: str) -> bool:
    """The check digits of ISO 13616."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        yield Span(*match.span(), "e-mail address")


_FINDERS: Mapping[str, Callable[[str], Iterator[Span]]] = {
    "iban": _ibans,
    "email": _emails,
    "card_numbers": _cards,
    "phone": _phones,
}
