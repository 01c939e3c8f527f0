"""Decisions: what of a call's events can be laid beside another run of the same call. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sipagent.events import (
    AgentChanged,
    BargeIn,
    CallEnded,
    CallStarted,
    ConsentChanged,
    Event,
    Gathered,
    HoldChanged,
    LanguageChanged,
    LegChanged,
    LimitReached,
    MachineDetected,
    MeetingChanged,
    PolicyDecided,
    ProviderFailed,
    Said,
    SecureEntry,
    SoundPlayed,
    StepChanged,
    StepStarted,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    VerbDone,
)

#: what is decided in one of them keeps its order; between two of them chance may decide
Lane = Literal["plan", "sounds", "turns", "agent", "tools", "verbs", "legs", "end"]
#: a turn that was spoken; by which of these rules its end was found hangs on the ears' timing
_SPOKEN = frozenset({"silence", "complete", "patient", "too_long"})


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided, said or done. `t` is ms since the call began, `place` where it
    stands among its call's events; `what` is compared, `detail` is told and no more.
    """

    lane: Lane
    kind: str
    what: str
    t: int
    detail: str = ""
    place: int = 0


def decisions(events: Sequence[Event]) -> list[Decision]:
    """Those of a call, in order."""
    start = next((e.t for e in events if isinstance(e, CallStarted)), 0)
    return [
        replace(decision, place=place)
        for place, event in enumerate(events)
        for decision in _of(event, _when(event) - start)
    ]


def _when(event: Event) -> int:
    return event.start if isinstance(event, Said | SoundPlayed) else event.t


def _of(event: Event, t: int) -> Iterator[Decision]:
    yield from _flow(event, t)
    yield from _talk(event, t)
    yield from _deeds(event, t)


def _flow(event: Event, t: int) -> Iterator[Decision]:
    match event:
        case StepStarted():
            place = f"{event.document}#{event.section}" if event.document else event.section
            yield Decision("plan", "step", f"{place}[{event.index}] {event.verb}", t)
        case SoundPlayed():
            yield Decision(
                "sounds", "played", event.url, t, "" if event.whole else "not to its end"
            )
        case AgentChanged():
            yield Decision("agent", "agent", f"{event.before} hands over to {event.agent}", t)
        case StepChanged():
            yield Decision("agent", "step", f"{event.context}.{event.step}", t, f"by {event.by}")
        case Gathered():
            yield Decision("agent", "answer", f"{event.key}: {event.value}", t)
        case LanguageChanged():
            yield Decision("agent", "language", f"{event.language} {event.voice}".strip(), t)
        case LimitReached():
            yield Decision("agent", "limit", event.limit, t)
        case CallEnded():
            yield Decision("end", "end", f"{event.status} by {event.by}: {event.reason}", t)


def _talk(event: Event, t: int) -> Iterator[Decision]:
    match event:
        case TurnEnded():
            how = "spoken" if event.reason in _SPOKEN else event.reason
            told = f"{event.reason} after {event.silence_ms} ms"
            yield Decision("turns", "turn", how, t, told)
        case BargeIn() if event.decision != "paused":
            yield Decision("turns", "barge-in", event.decision, t, event.evidence)
        case Said(speaker="agent"):
            whole = " ".join(filter(None, [event.text.strip(), event.unheard.strip()]))
            cut = f"not heard: {event.unheard.strip()}" if event.unheard.strip() else ""
            yield Decision("agent", "said", whole, t, cut)
        case Said(speaker="caller"):
            yield Decision("turns", "caller", event.text.strip(), t)


def _deeds(event: Event, t: int) -> Iterator[Decision]:
    match event:
        case ToolCalled():
            yield Decision("tools", "tool", f"{event.tool} {_json(event.arguments)}", t)
        case ToolReturned():
            outcome = "ok" if event.ok else "failed"
            yield Decision("tools", "result", f"{event.tool} {outcome}: {event.result}", t)
        case PolicyDecided():
            word = "allowed" if event.allowed else "denied"
            what = f"{event.verb} by {event.by} {word}: {event.reason}"
            yield Decision("verbs", "policy", what, t)
        case VerbDone():
            outcome = "ok" if event.ok else f"failed {event.status or ''}".strip()
            what = f"{event.verb} by {event.by} {outcome}"
            yield Decision("verbs", "verb", what, t, event.detail)
        case LegChanged(role="callee", state=("calling" | "confirmed" | "disconnected")):
            refused = f" {event.status}" if event.status >= 300 else ""
            yield Decision("legs", "leg", f"{event.remote} {event.state}{refused}", t)
        case HoldChanged():
            yield Decision("verbs", "hold", "held" if event.held else "back", t)
        case ConsentChanged():
            yield Decision("turns", "consent", f"{event.consent} by {event.how}", t)
        case SecureEntry():
            yield Decision("turns", "secret", f"{event.secret} {event.change} {event.result}", t)
        case MachineDetected():
            yield Decision("legs", "answered by", event.result, t, event.evidence)
        case MeetingChanged(change=change) if change != "standing":
            yield Decision("legs", "meeting", f"{event.place} {event.name}: {change}", t)
        case ProviderFailed():
            what = f"{event.role} {event.provider}: {event.cause}"
            yield Decision("agent", "failed", what, t, event.then)


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True)
