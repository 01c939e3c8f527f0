"""The story of a call, live or over: what a page about it shows beside its events."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from sipagent.call.cdr import Cdr, fold
from sipagent.call.waterfall import Turn, turns_of
from sipagent.events import (
    Event,
    PolicyDecided,
    RecordingStarted,
    RecordingStopped,
    SipMessage,
)

from .moments import Clock, clock
from .sip_lanes import our_end
from .told import Line, ToolRun, lines_of, tools_of


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rung(_Part):
    """One SIP message as a ladder shows it; dialogs are numbered from 1 in their order."""

    t: int
    dialog: int
    inward: bool = Field(description="towards us")
    source: str
    destination: str
    start_line: str
    cseq: str
    sip_call_id: str


class Sound(_Part):
    """A finished recording: what second n of it has was heard at `t` + 1000 n."""

    name: str = Field(description="as `/v1/calls/{id}/recordings/{name}` takes it")
    t: int
    duration_ms: int


class Story(_Part):
    """Every `t`, `start` and `end` is ms on the call's media clock, which began at `zero`."""

    record: Cdr
    zero: int = Field(description="media-clock ms of the first event: subtract it from a time")
    transcript: tuple[Line, ...]
    tools: tuple[ToolRun, ...]
    policy: tuple[PolicyDecided, ...]
    turns: tuple[Turn, ...]
    ladder: tuple[Rung, ...]
    recordings: tuple[Sound, ...]


def tell(events: Sequence[Event]) -> Story:
    """The story so far. Raises ValueError for no events."""
    time = clock(events)
    return Story(
        record=fold(events),
        zero=time.zero,
        transcript=lines_of(events),
        tools=tools_of(events),
        policy=tuple(e for e in events if isinstance(e, PolicyDecided)),
        turns=turns_of(events),
        ladder=tuple(_ladder(events, time)),
        recordings=tuple(_recordings(events)),
    )


def _ladder(events: Sequence[Event], time: Clock) -> Iterator[Rung]:
    messages = [e for e in events if isinstance(e, SipMessage)]
    us = our_end(messages, events)
    dialogs: dict[str, int] = {}
    for message in messages:
        yield Rung(
            t=time.media(message),
            dialog=dialogs.setdefault(message.sip_call_id, len(dialogs) + 1),
            inward=message.destination == us,
            source=message.source,
            destination=message.destination,
            start_line=message.start_line,
            cseq=message.cseq,
            sip_call_id=message.sip_call_id,
        )


def _recordings(events: Sequence[Event]) -> Iterator[Sound]:
    began = {e.control_id: e.t for e in events if isinstance(e, RecordingStarted)}
    for event in events:
        if isinstance(event, RecordingStopped):
            yield Sound(
                name=event.path.rpartition("/")[2],
                t=began.get(event.control_id, event.t - event.duration_ms),
                duration_ms=event.duration_ms,
            )
