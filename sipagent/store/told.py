"""What was said in a call and what its tools were asked, as its record tells it."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from sipagent.events import Event, Said, Speaker, ToolCalled, ToolReturned


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Part):
    """One turn. `said` is all that was to be said, `heard` what of it was heard; media-clock ms."""

    who: Speaker
    said: str
    heard: str
    start: int
    end: int
    confidence: float | None = None


class ToolRun(_Part):
    """One tool call; `ok` is None where no result came."""

    id: str
    t: int
    tool: str
    arguments: dict[str, Any]
    ok: bool | None = None
    result: str = ""
    ms: int = 0


def lines_of(events: Sequence[Event]) -> tuple[Line, ...]:
    """The transcript."""
    return tuple(_line(e) for e in events if isinstance(e, Said))


def _line(said: Said) -> Line:
    return Line(
        who=said.speaker,
        said=" ".join(filter(None, [said.text, said.unheard])),
        heard=said.text,
        start=said.start,
        end=said.end,
        confidence=said.confidence,
    )


def tools_of(events: Sequence[Event]) -> tuple[ToolRun, ...]:
    """Every tool call with its result."""
    return tuple(_tools(events))


def _tools(events: Sequence[Event]) -> Iterator[ToolRun]:
    results = {e.id: e for e in events if isinstance(e, ToolReturned)}
    for event in events:
        if not isinstance(event, ToolCalled):
            continue
        run = ToolRun(id=event.id, t=event.t, tool=event.tool, arguments=event.arguments)
        if (result := results.get(event.id)) is not None:
            came = {"ok": result.ok, "result": result.result, "ms": result.ms}
            run = run.model_copy(update=came)
        yield run
