"""Patterns of expressions: searched for anywhere, bounded in time."""

from functools import lru_cache
from typing import Any

import regex

from sipagent.errors import PlanError

#: seconds one search may take
SECONDS = 0.05
#: characters of a pattern, and of a text it is searched in
LONGEST_PATTERN = 2000
LONGEST_TEXT = 32_768
#: what counted repeats (`{1,50}`), one within the other, may come to: compiling has no time limit
HEAVIEST = 10_000

_TOKEN = regex.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[^()]*?[:=!>])?|\)|\{(\d{1,9})?(?:,(\d{1,9})?)?\}|.",
    regex.DOTALL,
)
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
    if _weight(pattern) > HEAVIEST:
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


def _weight(pattern: str) -> int:
    """How many items a pattern comes to when its counted repeats are written out."""
    sums, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text[0] == "(":
            sums.append(0)
            last = 0
        elif text[0] == ")":
            last = max(sums.pop(), 1) if len(sums) > 1 else 1
            sums[-1] += last
        elif text[0] == "{" and len(text) > 1:
            most = max(int(token[1] or 0), int(token[2] or 0), 1)
            sums[-1] += last * (most - 1)
            last *= most
        else:
            last = 1
            sums[-1] += 1
    return sum(sums)
