"""Pronouncing: a mouth is given words as they are to be said; the record keeps them as written."""

import re
from collections.abc import Callable, Sequence

from .spec import Pronunciation


def pronunciation(rules: Sequence[Pronunciation]) -> Callable[[str], str]:
    """Replaces whole words, each place once and by the first rule that fits it."""
    if not rules:
        return lambda text: text
    # "SIP" is not to be found in "sipping"; "C++" ends in no letter and has no such neighbours
    parts = [
        f"(?P<r{index}>(?<!\\w)(?{'i' if rule.ignore_case else '-i'}:"
        f"{re.escape(rule.replace)})(?!\\w))"
        for index, rule in enumerate(rules)
    ]
    found = re.compile("|".join(parts))

    def spoken(match: re.Match[str]) -> str:
        group = match.lastgroup or "r0"
        return rules[int(group[1:])].spoken

    return lambda text: found.sub(spoken, text)
