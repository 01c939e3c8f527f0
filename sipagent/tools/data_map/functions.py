"""The functions of templates: `@{strftime_tz}`, `@{fmt_ph}`, `@{expr}`, `@{echo}`, `@{separate}`,
`@{sleep}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sipagent.call.services import Expressions
from sipagent.errors import PlanError

from .phones import formatted

#: seconds one `@{sleep}` may ask for
LONGEST_SLEEP = 5.0
_LONGEST_FORMAT = 200
_LONGEST_SUM = 500
#: an expression knows numbers and nothing else: values in it come from callers and models
_SUM = re.compile(r"[0-9eE\s.+*/%()-]+")


@dataclass(frozen=True, slots=True)
class Worker:
    """Runs them, but for `sleep`, which is the caller's to sleep."""

    expressions: Expressions
    now: Callable[[], datetime]

    def run(self, name: str, words: str) -> str:
        """What `@{name words}` comes to. Raises PlanError."""
        match name:
            case "strftime_tz":
                return self._time(words)
            case "fmt_ph":
                return _phone(words)
            case "expr":
                return self._sum(words)
            case "separate":
                return " ".join("".join(words.split()))
            case _:
                return words

    def seconds(self, words: str) -> float:
        """How long `@{sleep words}` is, within bounds."""
        found = re.match(r"\s*(\d{1,6}(?:\.\d{1,6})?)", words)
        return min(float(found[1]), LONGEST_SLEEP) if found else 0.0

    def _time(self, words: str) -> str:
        zone, _, form = words.strip().partition(" ")
        form = form.strip() or "%Y-%m-%d %H:%M:%S"
        if len(form) > _LONGEST_FORMAT:
            raise PlanError(f"a format of time is longer than {_LONGEST_FORMAT} characters")
        try:
            return self.now().astimezone(ZoneInfo(zone)).strftime(_safe(form))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise PlanError(f"strftime_tz knows no time zone {zone[:60]!r}") from error

    def _sum(self, words: str) -> str:
        if len(words) > _LONGEST_SUM or not _SUM.fullmatch(words):
            raise PlanError("expr takes numbers, + - * / % and brackets")
        value = self.expressions.evaluate(words, {})
        if not isinstance(value, int | float):
            raise PlanError("expr comes to no number")
        return str(int(value)) if float(value).is_integer() else f"{value:.10g}"


def _safe(form: str) -> str:
    """Codes every C library knows, no field widths, nothing that cannot be encoded."""
    form = re.sub(r"%(?![aAbBcdHIjmMpSUwWxXyYzZ%eFTDRrkluGVnt])", "%%", form)
    return form.encode("utf-8", "replace").decode().replace("\0", "")


def _phone(words: str) -> str:
    style, _, number = words.strip().partition(" ")
    if not number:
        return formatted(style)
    style, mark, separator = style.partition(":sep:")
    return formatted(number, style, separator if mark else None)
