"""Schemas of foreign tools: trimmed for the model, and arguments checked against them. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from .foreign import ARGUMENT, cleaned

#: bytes of JSON, and levels
MOST, DEEPEST = 8_192, 12
_MAPS = frozenset({"properties", "$defs", "definitions"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
#: patterns are left to the server: a regular expression of a stranger may never end
_PLAIN = frozenset(
    {
        "type", "enum", "const", "default", "format", "required", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "minItems", "maxItems", "uniqueItems",
    }
)  # fmt: skip


class Unusable(ValueError):
    """A tool cannot be offered; the message says why."""


def lean(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a model needs of a tool's schema. Raises Unusable."""
    found: dict[str, Any] = _lean(schema or {"type": "object"}, 0)
    found.setdefault("type", "object")
    if found["type"] != "object":
        raise Unusable("its arguments are not an object")
    found.setdefault("properties", {})
    if len(json.dumps(found)) > MOST:
        raise Unusable(f"its schema is larger than {MOST} bytes")
    try:
        Draft202012Validator.check_schema(found)
    except (SchemaError, RecursionError) as error:
        raise Unusable("its schema is not one of JSON Schema") from error
    return found


def _lean(node: Any, depth: int) -> Any:
    if isinstance(node, bool):
        return node
    if not isinstance(node, Mapping):
        raise Unusable("its schema is not one of JSON Schema")
    if depth > DEEPEST:
        raise Unusable("its schema is too deep")
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if key in _MAPS and isinstance(value, Mapping):
            kept[key] = {str(name): _lean(part, depth + 1) for name, part in value.items()}
        elif key in _LISTS and isinstance(value, list):
            kept[key] = [_lean(part, depth + 1) for part in value]
        elif key in ("items", "additionalProperties", "not"):
            kept[key] = _lean(value, depth + 1)
        elif key == "description":
            kept[key] = cleaned(str(value), ARGUMENT)
        elif key == "$ref":
            if not str(value).startswith("#/"):
                raise Unusable("its schema points elsewhere")
            kept[key] = value
        elif key in _PLAIN:
            kept[key] = value
    return kept


def wrong(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments, in words a model can act on; or nothing."""
    # with an empty registry: nothing is fetched
    validator: Validator = Draft202012Validator(dict(schema), registry=Registry())
    found = []
    try:
        for error in validator.iter_errors(dict(arguments)):
            place = ".".join(str(key) for key in error.absolute_path)
            found.append(cleaned(f"{place}: {error.message}" if place else error.message, ARGUMENT))
            if len(found) == 3:
                break
    except (RecursionError, Unresolvable):
        return "its schema points to itself"
    return "; ".join(found)
