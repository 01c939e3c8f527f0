"""Rewording: what the ears get wrong, put right before anybody reads it."""

from collections.abc import Callable, Sequence

import regex
from pydantic import Field, field_validator

from .parts import Part

#: seconds that one rule may take for one turn
_LONGEST = 0.05


class Rewording(Part):
    """`{pattern: "cab bee", replace: Cabby}` (SWML hints that are objects)."""

    pattern: str = Field(min_length=1, max_length=1000, description="a regular expression")
    replace: str = Field(description="what stands in its place; \\\\1 is a group of it")
    ignore_case: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            regex.compile(pattern)
        except regex.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern


def rewording(rules: Sequence[Rewording]) -> Callable[[str], str]:
    """Applies the rules in order. One that takes too long, or whose replacement speaks of a group
    that is not there, changes nothing.
    """
    made = [
        (regex.compile(rule.pattern, regex.IGNORECASE if rule.ignore_case else 0), rule.replace)
        for rule in rules
    ]

    def reworded(text: str) -> str:
        for pattern, replacement in made:
            try:
                text = pattern.sub(replacement, text, timeout=_LONGEST)
            except (TimeoutError, regex.error, IndexError):
                continue
        return text

    return reworded
