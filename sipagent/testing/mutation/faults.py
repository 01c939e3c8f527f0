"""Faults: what goes wrong in a dialplan under somebody's hands, one thing at a time. Pure."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.sources import KeyPath, dotted

#: of what stands under these keys nothing is heard, seen or done differently
_SILENT = frozenset({"version", "description", "brain", "ears", "voice", "prompt", "name"})
#: what happens by itself where it does not stand there: the first sound answers, and the end of
#: a section that nothing called is the end of the call
_IMPLIED = ("answer", "hangup")
#: numbers that a caller would notice: a tenth of them
_HASTE = 10
_URI = re.compile(r"^(sip:)[^@]+(@.*)$")
_SOUND = re.compile(r"^say:")
#: done to what holds a key, a mapping or a list
Change = Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A document with one fault in it; `where` is its dotted place, `what` says what was done."""

    where: str
    what: str
    document: Mapping[str, Any]


def faults_of(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Every fault that can be sown into a plan, in the order of the document."""
    yield from _walk(document, document, ())


def _walk(root: Mapping[str, Any], node: Any, path: KeyPath) -> Iterator[Fault]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in _SILENT and path[:1] != ("sections",):
                continue
            if key == "intents" and not _embedded(node):
                continue
            here = (*path, key)
            yield from _of_a_key(root, node, here)
            yield from _walk(root, value, here)
    elif isinstance(node, list):
        yield from _of_a_list(root, node, path)
        for index, item in enumerate(node):
            yield from _walk(root, item, (*path, index))
    else:
        yield from _of_a_value(root, node, path)


def _embedded(agent: Mapping[str, Any]) -> bool:
    """Does it think by its intents? To a model they are hints for ears, which a rehearsal's ears
    do without.
    """
    brain = agent.get("brain", {})
    return not isinstance(brain, Mapping) or brain.get("provider", "intents") == "intents"


def _of_a_key(root: Mapping[str, Any], node: Mapping[str, Any], path: KeyPath) -> Iterator[Fault]:
    key = path[-1]
    if len(path) < 2 or (path[0] == "sections" and len(path) == 2):
        return  # a plan without its sections is no plan
    if len(node) > 1:
        yield _fault(root, path, f"{key} is left out", _drop)
    if isinstance(key, str) and key.isdigit():
        yield _fault(root, path, f"{key} has become another key", _rename)


def _of_a_list(root: Mapping[str, Any], node: list[Any], path: KeyPath) -> Iterator[Fault]:
    for index in range(len(node)):
        if (len(node) > 1 or path[0] == "sections") and node[index] not in _IMPLIED:
            yield _fault(root, (*path, index), "is left out", _drop)
    if path[0] == "sections":
        for index in range(len(node) - 1):
            if node[index] == "answer":
                continue
            yield _fault(root, (*path, index), "has changed places with the next", _swap)
    if path == ("policy", "destinations") and "agents" in root:
        # a plan without agents calls whom it names, whatever the policy leaves open
        yield _fault(root, (*path, 0), "everything is allowed", _put("*"))


def _of_a_value(root: Mapping[str, Any], value: Any, path: KeyPath) -> Iterator[Fault]:
    other = _other(value)
    if other is not None:
        yield _fault(root, path, f"{value!r} has become {other!r}", _put(other))


def _other(value: Any) -> Any:
    """What somebody might have written in its place; None for what has no such thing."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value // _HASTE or value * _HASTE if isinstance(value, int) else value / _HASTE
    if not isinstance(value, str) or not value:
        return None
    if found := _URI.match(value):
        return f"{found[1]}elsewhere{found[2]}"
    if _SOUND.match(value):
        return "say:This is something else."
    for sign, opposite in ((" == ", " != "), (" != ", " == ")):
        if sign in value:
            return value.replace(sign, opposite)
    if value.isdigit():
        return str(int(value) + 1)
    if " " in value:
        return "This is something else."
    return None


def _drop(node: Any, key: Any) -> None:
    del node[key]


def _rename(node: Any, key: Any) -> None:
    node[str((int(key) + 3) % 10)] = node.pop(key)


def _swap(node: Any, key: Any) -> None:
    node[key], node[key + 1] = node[key + 1], node[key]


def _put(value: Any) -> Change:
    def put(node: Any, key: Any) -> None:
        node[key] = value

    return put


def _fault(root: Mapping[str, Any], path: KeyPath, what: str, change: Change) -> Fault:
    document = copy.deepcopy(dict(root))
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    change(node, path[-1])
    return Fault(dotted(path), what, document)
