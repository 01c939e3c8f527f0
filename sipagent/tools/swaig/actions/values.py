"""What stands behind an action's name, in any of the types it comes in."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from sipagent.errors import CallError

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.IGNORECASE)


def true(value: Any) -> bool:
    """JSON's true, and the words and numbers that mean it."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes", "on")
    return bool(value)


def text(value: Any) -> str:
    """A text, or a mapping that holds one. Raises CallError where there is none."""
    if isinstance(value, Mapping):
        value = value.get("text", value.get("value", value.get("name")))
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise CallError("there is no text in it")
    return str(value)


def mapping(value: Any) -> Mapping[str, Any]:
    """An object. Raises CallError."""
    if not isinstance(value, Mapping):
        raise CallError("it is no object")
    return value


def items(value: Any) -> list[Any]:
    """One thing or several."""
    return list(value) if isinstance(value, list | tuple) else [value]


def keys(value: Any) -> list[str]:
    """One name or several. Raises CallError."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    if isinstance(value, list | tuple):
        return [str(key) for key in value]
    raise CallError("it names no key")


def number(value: Any) -> float:
    """A number, in quotes too. Raises CallError."""
    try:
        found = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        found = None
    if found is None or not isfinite(found):
        raise CallError("it is no number")
    return found


def seconds(value: Any) -> float:
    """A number of seconds, "5m", "1h30m" or "1:30". Raises CallError."""
    if not isinstance(value, str):
        return number(value)
    written = value.strip()
    parts = written.split(":")
    if len(parts) in (2, 3) and all(part.isdigit() for part in parts):
        total = 0
        for part in parts:
            total = 60 * total + int(part)
        return float(total)
    found = _DURATION.fullmatch(written)
    if written and found and any(found.groups()):
        hours, minutes, rest = (int(part or 0) for part in found.groups())
        return float(3600 * hours + 60 * minutes + rest)
    return number(written)
