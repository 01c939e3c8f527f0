"""A plan as it is drawn: its places, and the ways between them, as programs outside read it."""

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(_Part):
    """A place of a plan. A `party` is somebody who is rung, or a queue, a conference, a parking
    place; a `document` stands elsewhere, or is known only in the call. `line` is 0 for what has
    none.
    """

    id: str
    kind: Literal["route", "section", "agent", "context", "step", "party", "document"]
    label: str
    line: int = 0


def _named(name: str, written: str) -> Any:
    """A field that programs outside know by another name."""
    choices = AliasChoices(written, name)
    return Field(serialization_alias=written, validation_alias=choices)


class Edge(_Part):
    """A way from one node to another, and by what."""

    source: str = _named("source", "from")
    target: str = _named("target", "to")
    label: str = ""


class Drawn(_Part):
    """All of a plan. Each way is told once."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
