"""Routes: which calls a plan takes; the most specific one wins, and says why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from sipagent.call.policy import Hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DIGITS = re.compile(r"^[0-9+*#X]+$")
_USER = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)
_EXACT = 1_000


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


def _text(value: Any) -> Any:
    """YAML reads `to: 100` as a number; a number is meant as it is written."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Pattern = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed)]


def _days(value: Any) -> Any:
    """`mon-fri`, `sat`, or a list of such; numbers pass, Monday is 0."""
    items = value if isinstance(value, list | tuple) else [value]
    days: set[int] = set()
    for item in items:
        if isinstance(item, int):
            days.add(item)
            continue
        first, _, last = str(item).lower().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{item!r} is no day; the days are {', '.join(DAYS)}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return days


_DAY = {"type": "string", "description": "mon, or mon-fri"}
_DAYS_SCHEMA = {"anyOf": [_DAY, {"type": "array", "items": {"anyOf": [_DAY, {"type": "integer"}]}}]}


class Window(Hours):
    """A daily window in the server's time zone; `days: mon-fri` or `[sat, sun]`."""

    days: Annotated[frozenset[int], BeforeValidator(_days), WithJsonSchema(_DAYS_SCHEMA)] = (
        frozenset(range(7))
    )


def _windows(value: Any) -> Any:
    return (value,) if isinstance(value, Mapping) else value


class Route(BaseModel):
    """One way into a plan; every key that is given must match.

    In a pattern `*` is any run of characters and, in a pattern made of digits, `X` is one digit;
    `\\*` is the key itself. A pattern with `@` is matched on user@host, else on the user part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    to: Patterns = Field(default=(), description="numbers or users that were called")
    caller: Patterns = Field(default=(), alias="from", description="who calls")
    headers: Mapping[str, Pattern] = Field(default_factory=dict, description="by SIP header name")
    trunk: str | None = Field(default=None, description="a trunk of sipagent.yaml")
    when: Annotated[tuple[Window, ...], BeforeValidator(_windows)] = Field(
        default=(), description="daily windows in the server's time zone"
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as routes see it. `now` is in the server's time zone."""

    to: str
    caller: str
    now: datetime
    headers: Mapping[str, str]
    trunk: str | None = None


@dataclass(frozen=True, order=True, slots=True)
class Score:
    """How specific a match is: first by who was called, then who calls, then the rest."""

    to: int = 0
    caller: int = 0
    headers: int = 0
    trunk: int = 0
    when: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """What came of one route: `score` is None where it does not match; `why` says it in words."""

    score: Score | None
    why: str


def match(route: Route, asked: Asked) -> Match:
    """Try one route."""
    to, caller = _best(route.to, asked.to), _best(route.caller, asked.caller)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    wrong = [n for n, p in route.headers.items() if not fits(p, headers.get(n.lower(), ""))]
    if route.to and to is None:
        return Match(None, f"to {user_part(asked.to)} does not match {', '.join(route.to)}")
    if route.caller and caller is None:
        shown = ", ".join(route.caller)
        return Match(None, f"from {user_part(asked.caller)} does not match {shown}")
    if wrong:
        return Match(None, f"header {wrong[0]} does not match {route.headers[wrong[0]]}")
    if route.trunk is not None and route.trunk != asked.trunk:
        return Match(None, f"trunk is {asked.trunk or 'none'}, not {route.trunk}")
    if route.when and not any(window.covers(asked.now) for window in route.when):
        return Match(None, f"{asked.now:%a %H:%M} is outside its hours")
    score = Score(
        specificity(to) if to else 0,
        specificity(caller) if caller else 0,
        len(route.headers),
        int(route.trunk is not None),
        int(bool(route.when)),
    )
    said = [f"to {to}" if to else "", f"from {caller}" if caller else ""]
    said += [f"header {name}" for name in route.headers]
    said += [f"trunk {route.trunk}"] if route.trunk else []
    said += ["inside its hours"] if route.when else []
    return Match(score, ", ".join(filter(None, said)) or "any call")


def _best(patterns: Sequence[str], value: str) -> str | None:
    fitting = [pattern for pattern in patterns if fits(pattern, value)]
    return max(fitting, key=specificity, default=None)


def in_words(route: Route) -> str:
    """Which calls a route takes: `to 100, from +44*`."""
    words = [f"to {' or '.join(route.to)}"] if route.to else []
    words += [f"from {' or '.join(route.caller)}"] if route.caller else []
    words += [f"header {name}: {value}" for name, value in route.headers.items()]
    words += [f"trunk {route.trunk}"] if route.trunk else []
    words += ["in its hours"] if route.when else []
    return ", ".join(words) or "any call"


def user_part(uri: str) -> str:
    """`100` of `sip:100@host`, `tel:100` or `100`."""
    return _USER.sub("", uri).partition("@")[0].partition(";")[0]


def fits(pattern: str, value: str) -> bool:
    """True when the pattern matches the whole value (or its user part, without an `@`)."""
    plain = _USER.sub("", value).partition(";")[0]
    subject = plain if "@" in pattern else user_part(value)
    return _compiled(pattern).fullmatch(subject) is not None


def specificity(pattern: str) -> int:
    """How much a pattern pins down: literal characters count most, digits half, `*` nothing."""
    bare = pattern.replace("\\*", "k")
    digits = bare.count("X") if _DIGITS.match(pattern.replace("\\", "")) else 0
    stars = bare.count("*")
    literal = len(bare) - digits - stars
    return 2 * literal + digits + (_EXACT if not stars and not digits else 0)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    numeric = _DIGITS.match(pattern.replace("\\", "")) is not None
    source = ""
    for part in re.findall(r"\\\*|.", pattern):
        if part == "\\*":
            source += r"\*"
        elif part == "*":
            source += ".*"
        elif part == "X" and numeric:
            source += "[0-9]"
        else:
            source += re.escape(part)
    return re.compile(source)
