"""Traces: one person in our records, however they are written, and every place that keeps them.

Whoever keeps something of a caller anywhere - a file, a table, a spool, a cache - is a `Traces`,
and is asked when that caller is to be erased.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote

from sipagent.call.numbers import NumberPlan, number_of

from .memories import caller_of

#: fewer digits are an extension: written in one way only, and found in other numbers by chance
_PUBLIC = 7
#: what people and servers put between the digits of a number
_BETWEEN = r"(?:[().\s/-]|%20)*"
_NUMBER = re.compile(r"\+?[0-9]+")
#: what an id of a call may be made of
_WORD = re.compile(r"[A-Za-z0-9_.-]+")


def bare(identity: str) -> str:
    """Who that is, as `caller_of` writes it; also of `"Name" <sip:...>`, and escaped (RFC 3986)."""
    inner = identity.partition("<")[2].partition(">")[0] or identity
    return caller_of(unquote(inner))


def spellings_of(identity: str, plans: Iterable[NumberPlan] = ()) -> frozenset[str]:
    """The ways this number is written: `+44...`, `44...`, `0044...` and, by the number plans of
    the trunks, as in its own country. What is no public number is written one way. Empty where
    nobody is meant (a withheld number).
    """
    known, plans = bare(identity), tuple(plans)
    if not _NUMBER.fullmatch(known) or len(known.lstrip("+")) < _PUBLIC:
        return frozenset({known} - {""})
    found = {known, *(plan.e164(known) for plan in plans)}
    if known.startswith("00"):
        found.add(f"+{known[2:]}")
    for number in [each for each in found if each.startswith("+")]:
        digits = number[1:]
        found |= {digits, f"00{digits}"}
        for plan in plans:
            found |= {f"{prefix}{digits}" for prefix in plan.international}
            if plan.country and digits.startswith(plan.country):
                found.add(plan.national + digits.removeprefix(plan.country))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Who:
    """One person. `calls` are the ids of the calls that go with them; `spellings` as
    `spellings_of` gives them, or a user part alone (`alice`), at whatever host. Nothing was kept of
    them before `since`, and nothing after `until` is looked for: Unix times.
    """

    spellings: frozenset[str]
    calls: frozenset[str] = frozenset()
    since: float | None = None
    until: float | None = None
    _mention: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_mention", _mention(self.spellings))

    def is_(self, identity: str) -> bool:
        """Is this number, URI or `"Name" <URI>` theirs?"""
        known = bare(identity)
        if known in self.spellings:
            return True
        user = number_of(known)
        return bool(known) and not _NUMBER.fullmatch(known) and user in self.spellings

    def in_(self, text: str) -> bool:
        """Does their number or address stand somewhere in it? Longer numbers are others'."""
        return self._mention.search(text) is not None

    def concerns(self, text: str) -> bool:
        """Is it about them, or about one of the calls?"""
        return not self.calls.isdisjoint(_WORD.findall(text)) or self.in_(text)

    def masked(self, text: str) -> str:
        """The text with an `x` for every character of it."""
        return self._mention.sub(lambda found: "x" * len(found[0]), text)


def _mention(spellings: frozenset[str]) -> re.Pattern[str]:
    """The longest spelling first, so that none leaves a part of another behind."""
    parts = [
        _BETWEEN.join(map(re.escape, each)) if _NUMBER.fullmatch(each) else re.escape(each)
        for each in sorted(spellings, key=len, reverse=True)
    ]
    if not parts:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<![0-9A-Za-z+])(?:{'|'.join(parts)})(?![0-9A-Za-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trace:
    """So many things of one kind in one place: `database`, `events`, 240."""

    place: str
    what: str
    count: int


class Traces(Protocol):
    """A place that keeps something of callers. Both raise SipAgentError where it cannot be looked
    into now, and OSError: nothing is said to be erased then. Slow work is done beside the loop.
    """

    async def find(self, who: Who) -> Sequence[Trace]:
        """What is there of them; nothing changes."""
        ...

    async def erase(self, who: Who) -> int:
        """Remove it, so that no bytes of it are left in files of ours; how many things that were.
        Erasing again what is gone is 0.
        """
        ...
