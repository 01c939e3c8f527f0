"""Cdr: the record of one call, folded from its events and from nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sipagent.events import (
    BargeIn,
    CallEnded,
    CallStarted,
    ConsentChanged,
    Event,
    LegChanged,
    LegMedia,
    MeetingChanged,
    PolicyDecided,
    ProviderFailed,
    RecordingStarted,
    Said,
    ToolCalled,
    ToolReturned,
    VerbDone,
    Warned,
)

from .usage import Usage, usage_of
from .waterfall import Figures, figures, latencies, turns_of

#: verbs that hand the caller to somebody else
TRANSFERS = frozenset(
    {"transfer", "connect", "sip_refer", "enter_queue", "serve_queue", "park", "retrieve"}
)
UNFINISHED = "unfinished"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Transfer(_Part):
    """One attempt to reach somebody else. `target` is empty where nobody was called."""

    verb: str
    target: str
    ok: bool
    status: int | None = None
    detail: str = ""


class Media(_Part):
    """What one leg's audio was like: see `LegMedia`."""

    leg: str
    role: str
    codec: str
    sent: int
    received: int
    lost: int
    jitter_ms: float
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    round_trip_ms: float | None = None


class Stamp(_Part):
    """What the caller said about being recorded, when, and to which question."""

    consent: Literal["given", "refused", "withdrawn"]
    at: datetime
    how: str
    question: str = ""


class Cdr(_Part):
    """Who called whom, for how long, what was done, and how it ended.

    `ended` is None and `reason` is "unfinished" where no last event came.
    """

    call_id: str
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str = ""
    callee: str = ""
    plan: str = ""
    started: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    duration: float = Field(default=0.0, description="seconds from answer until the last leg ended")
    status: int | None = None
    reason: str = UNFINISHED
    ended_by: Literal["caller", "agent", "plan", "system"] | None = None
    turns: Mapping[str, int] = Field(default_factory=dict, description="turns of each speaker")
    barge_ins: Mapping[str, int] = Field(default_factory=dict, description="by decision")
    tools_ok: int = 0
    tools_failed: int = 0
    denials: int = 0
    transfers: tuple[Transfer, ...] = ()
    recordings: tuple[str, ...] = ()
    consent: tuple[Stamp, ...] = ()
    overhead: Figures = Field(
        default=Figures(),
        description="our own part of each response, ms: end of turn decided to first speech queued",
    )
    latency: Mapping[str, Figures] = Field(
        default_factory=dict, description="response, and each of its stages, ms"
    )
    media: tuple[Media, ...] = ()
    warnings: tuple[str, ...] = ()
    usage: tuple[Usage, ...] = Field(default=(), description="of each provider, in order of use")
    cost: float | None = Field(default=None, description="of all that has a price")
    trace_id: str = Field(default="", description="in the tracing system; empty: not traced")


def fold(events: Iterable[Event]) -> Cdr:
    """The record of one call's events, in the order they happened. Raises ValueError for none."""
    seen = list(events)
    if not seen:
        raise ValueError("a call without events has no record")
    started = next((e for e in seen if isinstance(e, CallStarted)), None)
    ended = next((e for e in reversed(seen) if isinstance(e, CallEnded)), None)
    answered = next((e.at for e in seen if _is_answer(e)), None)
    until = _last_gone(seen) or (ended.at if ended else seen[-1].at)
    usage = usage_of(seen)
    costs = [share.cost for share in usage if share.cost is not None]
    turns = turns_of(seen)
    tools = Counter(e.ok for e in seen if isinstance(e, ToolReturned))
    record = Cdr(
        call_id=seen[0].call_id,
        answered=answered,
        duration=round((until - answered).total_seconds(), 3) if answered else 0.0,
        turns=Counter(e.speaker for e in seen if isinstance(e, Said)),
        barge_ins=Counter(e.decision for e in seen if isinstance(e, BargeIn)),
        tools_ok=tools[True],
        tools_failed=tools[False],
        denials=sum(isinstance(e, PolicyDecided) and not e.allowed for e in seen),
        transfers=_transfers(seen),
        recordings=tuple(
            dict.fromkeys(e.path for e in seen if isinstance(e, RecordingStarted)),
        ),
        consent=tuple(
            Stamp(consent=e.consent, at=e.at, how=e.how, question=e.question)
            for e in seen
            if isinstance(e, ConsentChanged)
        ),
        overhead=figures(turn.overhead_ms for turn in turns),
        latency=latencies(turns),
        media=tuple(
            Media(**e.model_dump(include=set(Media.model_fields)))
            for e in seen
            if isinstance(e, LegMedia)
        ),
        warnings=tuple(text for e in seen if (text := _warning(e))),
        usage=usage,
        cost=sum(costs) if costs else None,
    )
    known: dict[str, object] = {}
    if started:
        names = ("direction", "caller", "callee", "plan", "trace_id")
        known |= {"started": started.at, **{name: getattr(started, name) for name in names}}
    if ended:
        known |= {"ended": ended.at, "ended_by": ended.by}
        known |= {"status": ended.status, "reason": ended.reason}
    return record.model_copy(update=known)


def _last_gone(events: Sequence[Event]) -> datetime | None:
    """When the last leg was gone, of a call that is over: a summary may be made after it."""
    legs = {e.leg: e for e in events if isinstance(e, LegChanged)}
    if not legs or any(leg.state != "disconnected" for leg in legs.values()):
        return None
    return max(leg.at for leg in legs.values())


def _is_answer(event: Event) -> bool:
    return isinstance(event, LegChanged) and event.role == "caller" and event.state == "confirmed"


def _transfers(events: Sequence[Event]) -> tuple[Transfer, ...]:
    """Every transferring verb that came to an end, with the party it last tried."""
    found: list[Transfer] = []
    target = ""
    for event in events:
        if isinstance(event, ToolCalled) and event.tool in TRANSFERS:
            arguments = event.arguments
            target = str(arguments.get("to") or arguments.get("to_uri") or "")
        elif isinstance(event, LegChanged) and event.role == "callee" and event.state == "calling":
            target = event.remote
        elif isinstance(event, MeetingChanged) and event.change in ("waiting", "met"):
            target = event.other or f"{event.place}:{event.name}"
        elif isinstance(event, VerbDone) and event.verb in TRANSFERS:
            # a section of the plan is a destination of the plan only, not of the caller
            if target or event.status is not None:
                found.append(
                    Transfer(
                        verb=event.verb,
                        target=target,
                        ok=event.ok,
                        status=event.status,
                        detail=event.detail,
                    )
                )
            target = ""
    return tuple(found)


def _warning(event: Event) -> str:
    if isinstance(event, Warned):
        return f"{event.code}: {event.detail}"
    if isinstance(event, ProviderFailed):
        then = f"{event.then} {event.next}".rstrip()
        return f"{event.role} failed ({event.provider}): {event.cause}; then {then}"
    return ""
