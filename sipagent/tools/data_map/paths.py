"""Paths into the data of a function: `results[0].title`, names in whatever case."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: longer paths lead nowhere
_LONGEST = 1024
_TOKEN = re.compile(r"([^.\[\]]*)((?:\[\s*[+-]?\d{1,9}\s*\])*)")
_INDEX = re.compile(r"[+-]?\d+")


class Missing:
    """Says that a path leads nowhere; null is a value."""


MISSING = Missing()


def lookup(path: str, roots: Sequence[Mapping[str, Any]]) -> Any:
    """The value at a path in the first of the roots that holds one, else MISSING. A negative
    index counts from the end.
    """
    steps = _steps(path)
    if steps:
        for root in roots:
            value = _walk(root, steps)
            if value is not MISSING:
                return value
    return MISSING


def named(node: Any, name: str) -> Any:
    """A member of an object by its name, in whatever case; else MISSING."""
    if not isinstance(node, Mapping):
        return MISSING
    if name in node:
        return node[name]
    wanted = name.lower()
    return next((v for key, v in node.items() if str(key).lower() == wanted), MISSING)


def _steps(path: str) -> list[str | int]:
    """Names and indexes; none at all for what is no path."""
    if len(path) > _LONGEST or path.endswith("."):
        return []
    steps: list[str | int] = []
    for part in filter(None, path.strip().split(".")):
        found = _TOKEN.fullmatch(part)
        if found is None:
            return []
        if found[1]:
            steps.append(found[1])
        steps += _indexes(found[2])
    return steps


def _indexes(brackets: str) -> Iterator[int]:
    return map(int, _INDEX.findall(brackets))


def _walk(node: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(step, str):
            node = named(node, step)
        elif isinstance(node, list | tuple) and -len(node) <= step < len(node):
            node = node[step]
        else:
            return MISSING
    return node
