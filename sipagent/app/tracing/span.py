"""Span: one thing that took time in a call, as it will be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Union

Value = str | bool | int | float | tuple[str, ...]
Kind = Literal["internal", "server", "client"]
#: things noted on one span; what comes later is only counted
_MOST_NOTES = 128


@dataclass(frozen=True, slots=True)
class Note:
    """A moment of a span ("span event"). `at` is nanoseconds since 1970."""

    name: str
    at: int
    attributes: Mapping[str, Value]


@dataclass(slots=True)
class Span:
    """Times are nanoseconds since 1970. `parent` is None, or the id of another's span, for the
    first of ours; `error` is its `error.type`, empty where nothing failed.
    """

    name: str
    span_id: str
    parent: Union["Span", str, None]
    start: int
    end: int = 0
    kind: Kind = "internal"
    attributes: dict[str, Value] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    unnoted: int = 0
    error: str = ""
    detail: str = ""

    @property
    def parent_id(self) -> str:
        """Empty for the root of a trace."""
        return self.parent.span_id if isinstance(self.parent, Span) else self.parent or ""

    def tell(self, attributes: Mapping[str, Value | None]) -> None:
        """Say more of it; what is None or empty is left out."""
        self.attributes |= told(attributes)

    def note(self, name: str, at: int, attributes: Mapping[str, Value | None]) -> None:
        """Something happened meanwhile."""
        self.covers(at, at)
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(Note(name, at, told(attributes)))
        else:
            self.unnoted += 1

    def covers(self, start: int, end: int) -> None:
        """It, and all it is part of, last from then till then at least."""
        self.start, self.end = min(self.start, start), max(self.end, end)
        if isinstance(self.parent, Span):
            self.parent.covers(self.start, self.end)

    def failed(self, kind: str, detail: str = "") -> None:
        """It came to nothing; `kind` is one of few values, as a status is."""
        self.error, self.detail = kind, detail


def told(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    """Those that say something."""
    return {name: value for name, value in attributes.items() if value is not None and value != ""}
