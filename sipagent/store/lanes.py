"""What a timeline shows, before it is drawn: lanes of marks on the call's own time."""

from collections.abc import Iterable, Iterator, Sequence

from sipagent.events import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    Gathered,
    LanguageChanged,
    SpeechEnded,
    SpeechStarted,
    StepChanged,
    StepStarted,
    Summarised,
)

from .deed_lanes import decisions, notes, private, providers, recordings, tools, web
from .marks import AMBER, BLUE, GREY, RED, TEAL, VIOLET, Lane, Mark
from .moments import Clock
from .sip_lanes import ladders, legs
from .talk_lanes import barge_ins, played, turns, words


def lanes(events: Sequence[Event], time: Clock) -> list[Lane]:
    """Every lane, also empty ones, from the plan down to the notes."""
    end = max((time.of(e) for e in events), default=0)
    hushed = [(begin, until) for begin, until, _ in private(events, time, end)]
    return [
        Lane("plan", GREY, list(_steps(events, time))),
        *ladders(events, time),
        *legs(events, time, end),
        Lane("caller", BLUE, list(words(events, time, "caller")), "left", hushed=hushed),
        Lane("agent", TEAL, list(words(events, time, "agent")), "right"),
        Lane("played", GREY, list(played(events, time))),
        Lane("callee", VIOLET, list(words(events, time, "callee"))),
        Lane("turns", GREY, list(turns(events, time))),
        Lane("barge-in", AMBER, list(barge_ins(events, time))),
        Lane("steps", TEAL, list(_guidance(events, time))),
        Lane("tools", VIOLET, list(tools(events, time, end))),
        Lane("policy", RED, list(decisions(events, time))),
        Lane("recording", GREY, list(recordings(events, time, end))),
        Lane("providers", RED, list(providers(events, time))),
        Lane("web", GREY, list(web(events, time))),
        Lane("notes", AMBER, list(notes(events, time))),
    ]


def with_speech(found: list[Lane], events: Sequence[Event], time: Clock) -> list[Lane]:
    """Fill in when each side spoke."""
    end = max((time.of(e) for e in events), default=0)
    for lane in found:
        if lane.side is None:
            continue
        began: int | None = None
        for event in events:
            if isinstance(event, SpeechStarted) and event.speaker == lane.name:
                began = time.of(event) if began is None else began
            elif isinstance(event, SpeechEnded) and event.speaker == lane.name:
                if began is not None:
                    lane.spans.append((began, time.of(event)))
                began = None
        if began is not None:
            lane.spans.append((began, end))
    return found


def _place(step: StepStarted) -> str:
    place = f"{step.section}[{step.index}] {step.verb}"
    return f"{place} of {step.document}" if step.document else f"{place}, line {step.line}"


def _steps(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    for e in events:
        if isinstance(e, StepStarted):
            yield Mark(time.of(e), e.verb, detail=_place(e))
        elif isinstance(e, CallStarted):
            yield Mark(time.of(e), e.plan or "call", GREY, detail=e.why, bold=True)
        elif isinstance(e, CallEnded):
            colour = RED if e.status >= 400 else GREY
            yield Mark(time.of(e), f"end: {e.reason} (by {e.by})", colour, bold=True)


def _guidance(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """Which agent, step and language the talk was in, and the answers it gathered."""
    for e in events:
        if isinstance(e, AgentChanged):
            yield Mark(time.of(e), f"agent {e.agent}", TEAL, "diamond", detail=e.summary, bold=True)
        elif isinstance(e, StepChanged):
            yield Mark(time.of(e), f"step {e.step}", TEAL, detail=f"{e.context}.{e.step} by {e.by}")
        elif isinstance(e, LanguageChanged):
            yield Mark(time.of(e), f"language {e.language}", TEAL, detail=e.voice)
        elif isinstance(e, Summarised):
            label = f"summary: {e.text}" if e.ok else f"no summary: {e.error}"
            yield Mark(time.of(e), label, TEAL if e.ok else AMBER, detail=str(e.data or ""))
        elif isinstance(e, Gathered):
            yield Mark(time.of(e), f"{e.key}: {e.value}", BLUE, detail=f"attempts: {e.attempts}")
