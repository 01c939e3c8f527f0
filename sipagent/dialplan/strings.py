"""Strings: every text in what a plan says, and where it stands."""

from collections.abc import Iterator
from typing import Any

from sipagent.sources import KeyPath


def strings_in(node: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """The texts in nested values, keys excepted."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings_in(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from strings_in(value, (*path, index))
    elif isinstance(node, str):
        yield path, node
