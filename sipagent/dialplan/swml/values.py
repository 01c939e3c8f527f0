"""Values of a document that is read liberally: what is meant counts. Pure."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0", ""})
_LENGTH = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")


def flag(value: Any) -> bool | None:
    """A truth, also as text or number; None where it is none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> float | None:
    """A number, also as text, brought into its bounds; None where it is none."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(found) else min(high, max(low, found))


def whole(value: Any, low: float = -math.inf, high: float = math.inf) -> int | None:
    """As `number`, without a fraction."""
    found = number(value, low, high)
    return None if found is None or math.isinf(found) else round(found)


def text(value: Any) -> str | None:
    """A text that is not empty; a number as it is written."""
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list | tuple):
        return None
    return str(value) if str(value).strip() else None


def length(value: Any) -> float | None:
    """Seconds of `30s`, `2m`, `1h45m30s`, `1:30`, or a plain number of seconds; None where it is
    none of them.
    """
    if (found := number(value)) is not None:
        return found if 0 < found < math.inf else None
    if not isinstance(value, str):
        return None
    if clock := _CLOCK.fullmatch(value.strip()):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    elif (said := _LENGTH.fullmatch(value.replace(" ", ""))) and any(said.groups()):
        hours, minutes, seconds = (int(part or 0) for part in said.groups())
    else:
        return None
    return float(hours * 3600 + minutes * 60 + seconds) or None


def listed(value: Any) -> Sequence[Any]:
    """A list, or nothing."""
    return value if isinstance(value, list | tuple) else ()


def objects(value: Any) -> Iterable[Mapping[str, Any]]:
    """The objects of a list."""
    return [one for one in listed(value) if isinstance(one, Mapping)]


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or a lone one."""
    several = (value,) if isinstance(value, str) else listed(value)
    return tuple(found for one in several if (found := text(one)) is not None)


def by_language(value: Any) -> dict[str, tuple[str, ...]]:
    """Fillers: `{en-US: [...], default: [...]}`, also as a list of such objects."""
    found: dict[str, tuple[str, ...]] = {}
    for one in [value, *objects(value)]:
        if isinstance(one, Mapping):
            said = {str(key): texts(words) for key, words in one.items()}
            found |= {key: words for key, words in said.items() if words}
    return found
