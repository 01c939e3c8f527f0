"""Lint of `ai` steps that hold an SWML object: what it says and this server does otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

from sipagent.errors import Finding, PlanError
from sipagent.sources import KeyPath

from .expressions import has_template
from .load import Reading
from .steps import PlacedStep
from .swml.ai import agent_of
from .swml.organs import Vocabulary


def lint_swml(reading: Reading, vocabulary: Vocabulary | None) -> Iterator[Finding]:
    """An agent that cannot be made is an error; what is ignored in it, a warning. Nothing where it
    is not known what models and voices are here.
    """
    if vocabulary is None:
        return
    for step in reading.steps:
        if step.verb.name != "ai" or "agent" in step.arguments:
            continue
        try:
            inline = agent_of(_known_values(step.arguments), vocabulary)
        except PlanError as error:
            yield reading.source.finding(step.path, str(error))
            continue
        for note in inline.notes:
            path = step.at(*_known(step, note))
            yield reading.source.finding(path, note, severity="warning")
        swaig = inline.spec.swaig
        for remark in () if swaig is None else swaig.remarks:
            yield reading.source.finding(step.at("SWAIG"), remark, severity="warning")


def _known_values(ai: Mapping[str, Any]) -> dict[str, Any]:
    """Without the parameters that only a call fills."""
    params = ai.get("params")
    if not isinstance(params, Mapping):
        return dict(ai)
    return {**ai, "params": {k: value for k, value in params.items() if not has_template(value)}}


def _known(step: PlacedStep, note: str) -> KeyPath:
    """The place that a note begins with, as far as there is such a place."""
    node: Any = step.arguments
    path: list[str] = []
    for key in note.partition(" ")[0].rstrip(":").split("."):
        if not isinstance(node, Mapping) or key not in node:
            break
        node = node[key]
        path.append(key)
    return tuple(path)
