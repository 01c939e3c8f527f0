"""Arguments of a verb without the keys it does not know, as the vendor reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sipagent.call.verb import Verb
from sipagent.sources import KeyPath, keys_at

#: unknown keys inside of unknown keys' neighbours come to light one round after the other
_ROUNDS = 8


def trimmed(
    verb: type[Verb], arguments: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[KeyPath]]:
    """The arguments without nulls and unknown keys, and where the latter stood."""
    kept: Any = {k: v for k, v in arguments.items() if v is not None or k == verb.whole}
    gone: list[KeyPath] = []
    for _ in range(_ROUNDS):
        unknown = _unknown(verb, kept)
        if not unknown:
            break
        kept = _without(kept, unknown)
        gone += unknown
    return kept, gone


def _unknown(verb: type[Verb], arguments: Mapping[str, Any]) -> list[KeyPath]:
    try:
        verb.model_validate(arguments)
    except ValidationError as error:
        details = [d for d in error.errors() if d["type"] == "extra_forbidden"]
    else:
        return []
    found: dict[KeyPath, None] = {}
    for detail in details:
        *parents, key = path = _real(arguments, detail["loc"])
        # a key that one form of a union does not know may be the other's
        if str(key) not in keys_at(verb, (str(p) for p in parents if isinstance(p, str))):
            found[path] = None
    return list(found)


def _real(arguments: Any, loc: tuple[int | str, ...]) -> KeyPath:
    """`loc` without what pydantic put in for the members of unions."""
    node, path = arguments, []
    for key in loc:
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list | tuple) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            continue
        path.append(key)
    return tuple(path)


def _without(node: Any, paths: Sequence[KeyPath]) -> Any:
    """A copy of `node` in which nothing stands at `paths`."""
    gone = {path[0] for path in paths if len(path) == 1}
    below: dict[str | int, list[KeyPath]] = {}
    for first, *rest in paths:
        if rest:
            below.setdefault(first, []).append(tuple(rest))
    if isinstance(node, Mapping):
        return {k: _without(v, below.get(k, ())) for k, v in node.items() if k not in gone}
    if not below:
        return node
    return [_without(value, below.get(index, ())) for index, value in enumerate(node)]
