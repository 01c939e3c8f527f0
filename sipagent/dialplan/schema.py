"""The JSON Schema of dialplans, made from the verbs; editors complete and check with it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from sipagent.agent.spec import AgentSpec
from sipagent.call.policy import Policy
from sipagent.call.privacy import Privacy
from sipagent.call.verb import Verb
from sipagent.verbs import VERBS
from sipagent.verbs.asking import SwmlVerb
from sipagent.verbs.blocks import STEP

from .load import KEYS
from .model import Shared
from .routes import Route
from .steps import arguments_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE = {"type": "string", "pattern": r"[$%]\{"}
_SCALARS = frozenset({"integer", "number", "boolean"})


def schema() -> dict[str, Any]:
    """The whole of it."""
    defs: dict[str, Any] = {"step": {"anyOf": [_bare(), *map(_step, VERBS.values())]}}
    for verb in VERBS.values():
        defs[f"verb.{verb.name}"] = _verb(verb, defs)
    properties: dict[str, Any] = {
        "version": {"type": "string"},
        "name": {"type": "string"},
        "description": {"type": "string"},
        "routes": {"type": "array", "items": _part(Route, defs)},
        "agents": {"type": "object", "additionalProperties": _part(AgentSpec, defs)},
        **_part(Shared, defs)["properties"],
        "policy": _part(Policy, defs),
        "privacy": _part(Privacy, defs),
        "swml": {"$ref": f"#/$defs/verb.{SwmlVerb.name}"},
        "sections": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"$ref": "#/$defs/step"}},
        },
    }
    assert properties.keys() == set(KEYS)
    return {
        "$schema": _DIALECT,
        "title": "sipagent dialplan",
        "type": "object",
        "anyOf": [
            {"required": ["swml"]},
            {"required": ["sections"], "properties": {"sections": {"required": ["main"]}}},
        ],
        "additionalProperties": False,
        "properties": properties,
        "$defs": defs,
    }


def _bare() -> dict[str, Any]:
    """Verbs that can stand alone, as a string."""
    return {"enum": [name for name, verb in VERBS.items() if _stands_alone(verb)]}


def _stands_alone(verb: type[Verb]) -> bool:
    try:
        verb.model_validate(arguments_of(verb, None))
    except ValidationError:
        return False
    return True


def _step(verb: type[Verb]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [verb.name],
        "additionalProperties": False,
        "properties": {verb.name: {"$ref": f"#/$defs/verb.{verb.name}"}},
    }


def _verb(verb: type[Verb], defs: dict[str, Any]) -> dict[str, Any]:
    whole = _part(verb, defs, templates=True)
    properties = whole["properties"]
    if verb.whole is not None:
        return {**properties[verb.whole], "description": whole.get("description", "")}
    forms: list[Any] = [whole]
    if verb.shorthand is not None:
        forms.append(properties[verb.shorthand])
    if _stands_alone(verb):
        forms.append({"type": "null"})
    return {"anyOf": forms} if len(forms) > 1 else whole


def _part(model: type[BaseModel], defs: dict[str, Any], *, templates: bool = False) -> Any:
    """A model's schema; its own definitions go among the others."""
    made = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    for name, definition in made.pop("$defs", {}).items():
        defs[name] = _fitted(definition, templates)
    return _fitted(made, templates)


def _fitted(node: Any, templates: bool) -> Any:
    """Steps put in their place; lists as YAML has them; templates where plans may have them."""
    if isinstance(node, list):
        return [_fitted(item, templates) for item in node]
    if not isinstance(node, Mapping):
        return node
    if node.get("$comment") == STEP:
        return {"$ref": "#/$defs/step"}
    fitted = {
        key: _fitted(value, templates)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }
    alternatives: list[Any] = [fitted]
    if fitted.get("type") == "array":
        # one item stands for a list of one
        alternatives.append(fitted.get("items", {}))
    # of a mapping of fields one may be called "type"
    scalar = isinstance(fitted.get("type"), str) and fitted["type"] in _SCALARS
    if templates and (scalar or "pattern" in fitted or "enum" in fitted):
        alternatives.append(_TEMPLATE)
    return {"anyOf": alternatives} if len(alternatives) > 1 else fitted
