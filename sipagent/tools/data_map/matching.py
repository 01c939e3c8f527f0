"""Patterns of expressions: searched for anywhere, bounded in time."""

from functools import lru_cache
from typing import Any

import regex

from sipagent.call.pattern_weight import HEAVIEST, weight
from sipagent.errors import PlanError

#: seconds one search may take
SECONDS = 0.05
#: characters of a pattern, and of a text it is searched in
LONGEST_PATTERN = 2000
LONGEST_TEXT = 32_768
_FLAGS = {"i": regex.IGNORECASE, "s": regex.DOTALL, "m": regex.MULTILINE, "x": regex.VERBOSE}


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` stands anywhere in `text`, in whatever case unless it is written as
    `/pattern/flags` (`i`, `s`, `m`, `x`). Raises PlanError for one that is none or takes too long.
    """
    try:
        return bool(_compiled(pattern).search(text[:LONGEST_TEXT], timeout=SECONDS))
    except TimeoutError as error:
        raise PlanError(f"the pattern {pattern[:60]!r} takes too long") from error


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    if len(pattern) > LONGEST_PATTERN:
        raise PlanError(f"a pattern of {len(pattern)} characters; {LONGEST_PATTERN} are the most")
    if weight(pattern) > HEAVIEST:
        raise PlanError(f"the pattern {pattern[:60]!r} repeats too much")
    body, flags = pattern, regex.IGNORECASE
    if pattern.startswith("/") and (end := pattern.rfind("/")) > 0:
        body, flags = pattern[1:end], 0
        for letter in pattern[end + 1 :]:
            flags |= _FLAGS.get(letter, 0)
    try:
        return regex.compile(body, flags)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise PlanError(f"{pattern[:60]!r} is no regular expression: {error}") from error
