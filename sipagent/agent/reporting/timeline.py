"""SWML's `call_timeline`: what happened in a talk, an event a line, without what was said."""

from collections.abc import Sequence
from typing import Any

from sipagent.events import Event, personal_fields

from .entries import Entry, Happening, microseconds

#: what every event says, or what only machines of ours want to know
_LEFT_OUT = frozenset({"type", "call_id", "at", "t"})


def timeline(happened: Sequence[Happening], *, most: int = 2_000) -> list[Entry]:
    """Its newest `most` events."""
    return [_line(one.event) for one in happened[-most:]]


def _line(event: Event) -> Entry:
    left_out = _LEFT_OUT | personal_fields(type(event))
    told: dict[str, Any] = event.model_dump(
        mode="json", exclude=set(left_out), exclude_defaults=True
    )
    return {"event": event.type, "timestamp": microseconds(event.at), "call_ms": event.t, **told}
