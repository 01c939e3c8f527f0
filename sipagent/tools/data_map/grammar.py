"""The grammar of a function's templates: `${path}`, `%{path}` and `@{function words}`, nested.

Only what stands in a document is read as a template. Values are never read again: an argument
that says `${global_data.key}` is text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sipagent.errors import PlanError

#: characters of one template text
LONGEST = 65_536
#: templates within templates
DEEPEST = 8

_OPENING = re.compile(r"[$%@]\{")
_HELPER = re.compile(r"(lc|enc|fmt_ph):", re.IGNORECASE)
_WORD = re.compile(r"\s*([A-Za-z_]\w*)(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Value:
    """`${lc:enc:args.city}`: a path, and what is done to what stands there."""

    path: tuple["Node", ...]
    helpers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Function:
    """`@{name words}`."""

    name: str
    words: tuple["Node", ...]


Node = str | Value | Function


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Node, ...]:
    """The parts of a template text. What is not closed stays as it stands. Raises PlanError for
    a text that is too long or too deep.
    """
    if len(text) > LONGEST:
        raise PlanError(f"a template of {len(text)} characters; {LONGEST} are the most")
    return _parse(text, 0, len(text), _braces(text), 0)


def _braces(text: str) -> Mapping[int, int]:
    """Where each opening brace is closed, in one pass."""
    pairs: dict[int, int] = {}
    still_open: list[int] = []
    for found in re.finditer(r"[{}]", text):
        if found[0] == "{":
            still_open.append(found.start())
        elif still_open:
            pairs[still_open.pop()] = found.start()
    return pairs


def _parse(
    text: str, start: int, end: int, braces: Mapping[int, int], depth: int
) -> tuple[Node, ...]:
    if depth > DEEPEST:
        raise PlanError(f"templates stand more than {DEEPEST} deep in each other")
    nodes: list[Node] = []
    plain = start
    position = start
    while (found := _OPENING.search(text, position, end)) is not None:
        closing = braces.get(found.end() - 1, end)
        if closing >= end:
            position = found.end()
            continue
        node = _node(text, found.start(), closing, braces, depth)
        if node is None:
            position = found.end()
            continue
        if plain < found.start():
            nodes.append(text[plain : found.start()])
        nodes.append(node)
        plain = position = closing + 1
    if plain < end:
        nodes.append(text[plain:end])
    return tuple(nodes)


def _node(
    text: str, start: int, closing: int, braces: Mapping[int, int], depth: int
) -> Node | None:
    body = start + 2
    if text[start] == "@":
        found = _WORD.match(text, body, closing)
        if found is None or (name := found[1].lower()) not in FUNCTIONS:
            return None
        return Function(name, _parse(text, found.end(), closing, braces, depth + 1))
    helpers = set()
    while found := _HELPER.match(text, body, closing):
        helpers.add(found[1].lower())
        body = found.end()
    if "enc" in helpers and text.startswith("url:", body):
        body += 4  # the vendor's reference writes enc:url:, its platform reads enc:
    return Value(_parse(text, body, closing, braces, depth + 1), frozenset(helpers))


FUNCTIONS = frozenset({"strftime_tz", "fmt_ph", "expr", "echo", "separate", "sleep"})
