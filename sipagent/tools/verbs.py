"""Verbs as tools: the model sees a few of a verb's keys, and reads how it came out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb

from .functions import bounded, complaint, lean_schema
from .spec import ToolResult, ToolSpec


@cache
def tool_of_verb(verb: type[Verb]) -> ToolSpec:
    """A verb as a tool. It bounds itself in time: people need theirs to answer."""
    return ToolSpec(
        name=verb.name,
        description=" ".join((verb.__doc__ or verb.name).split()),
        parameters=_shown(verb),
        invoke=_VerbTool(verb).invoke,
        timeout=None,
    )


def checked(verb: type[Verb], arguments: Mapping[str, Any]) -> Verb | str:
    """The verb a tool call asks for, or what is wrong with the call in words."""
    shown = verb.tool_fields
    if shown is not None:
        unknown = sorted(set(arguments) - {*shown, *verb.tool_extras})
        if unknown:
            takes = f"it takes {', '.join(shown)}" if shown else "it takes none"
            return f"{verb.name} was not run: there is no argument {unknown[0]}; {takes}"
        missing = [name for name in _required(verb) if arguments.get(name) is None]
        if missing and not set(arguments) & set(verb.tool_extras):
            return f"{verb.name} was not run: {missing[0]} is missing"
    try:
        return verb.model_validate(dict(arguments))
    except ValidationError as error:
        return complaint(verb.name, error)


@dataclass(frozen=True, slots=True)
class _VerbTool:
    verb: type[Verb]

    async def invoke(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        verb = checked(self.verb, arguments)
        if isinstance(verb, str):
            return ToolResult(verb, ok=False)
        return told(await control.do(verb))


def told(outcome: Outcome) -> ToolResult:
    """An outcome as the model reads it."""
    text = outcome.detail or ("done" if outcome.ok else "that did not work")
    if outcome.data:
        text += f": {json.dumps(dict(outcome.data), ensure_ascii=False)}"
    return ToolResult(bounded(text), outcome.ok, outcome.ends_talk)


def _required(verb: type[Verb]) -> list[str]:
    """Shown keys the model must give: those without a default, and the sole one of a verb whose
    other forms are not shown (`transfer` takes a section or a party; the model only a party).
    """
    shown = verb.tool_fields or ()
    fields = {field.alias or name: field for name, field in verb.model_fields.items()}
    return [name for name in shown if fields[name].is_required() or fields[name].default is None]


def _shown(verb: type[Verb]) -> dict[str, Any]:
    schema = lean_schema(verb)
    if verb.tool_fields is None:
        return schema
    properties = {name: _plain(schema["properties"][name]) for name in verb.tool_fields}
    lean: dict[str, Any] = {"type": "object", "properties": properties}
    if required := _required(verb):
        lean["required"] = required
    lean["additionalProperties"] = False
    return lean


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`string or null, default null` as `string`: the model gives it or leaves it out."""
    choices = [c for c in schema.get("anyOf", ()) if c.get("type") != "null"]
    if len(choices) != 1:
        return dict(schema)
    rest = {k: v for k, v in schema.items() if k != "anyOf" and not (k == "default" and v is None)}
    return {**choices[0], **rest}
