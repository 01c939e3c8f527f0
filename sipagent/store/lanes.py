"""What a timeline shows, before it is drawn: lanes of marks on the call's own time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sipagent.events import (
    AgentChanged,
    BargeIn,
    CallEnded,
    CallStarted,
    DigitReceived,
    Event,
    Gathered,
    LegChanged,
    PolicyDecided,
    ProviderFailed,
    RecordingStarted,
    RecordingStopped,
    Said,
    SipMessage,
    SpeechEnded,
    SpeechStarted,
    StepChanged,
    StepStarted,
    ToolCalled,
    ToolReturned,
    TurnLatency,
    Warned,
)

from .moments import Clock

GREY, BLUE, TEAL, AMBER, GREEN, RED, VIOLET = (
    "#5f6b7a",
    "#1f5fbf",
    "#0b7a75",
    "#b26a00",
    "#2a7d32",
    "#c62828",
    "#6a3fb5",
)
_LEG_COLOURS = {"calling": AMBER, "incoming": AMBER, "early": AMBER, "confirmed": GREEN}
_BARGE_COLOURS = {"paused": AMBER, "resumed": GREEN, "stopped": RED, "ignored": GREY}
Shape = Literal["tick", "bar", "box", "diamond", "in", "out"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing at `t` ms (from the picture's zero), until `end` where it lasts.

    `detail` is what a viewer shows on hovering; `struck` is text shown as not heard.
    """

    t: int
    label: str
    colour: str = GREY
    shape: Shape = "tick"
    end: int | None = None
    detail: str = ""
    struck: str = ""
    bold: bool = False


@dataclass(slots=True)
class Lane:
    """A row of the picture. `side` is the recording's side drawn in it, `spans` are speech."""

    name: str
    colour: str = GREY
    marks: list[Mark] = field(default_factory=list)
    side: Literal["left", "right"] | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)


def lanes(events: Sequence[Event], time: Clock) -> list[Lane]:
    """Every lane, also empty ones, from the plan down to the notes."""
    end = max((time.of(e) for e in events), default=0)
    return [
        Lane("plan", GREY, list(_steps(events, time))),
        *_ladders(events, time),
        *_legs(events, time, end),
        Lane("caller", BLUE, list(_words(events, time, "caller")), "left"),
        Lane("agent", TEAL, list(_words(events, time, "agent")), "right"),
        Lane("callee", VIOLET, list(_words(events, time, "callee"))),
        Lane("response", GREY, list(_responses(events, time))),
        Lane("barge-in", AMBER, list(_barge_ins(events, time))),
        Lane("tools", VIOLET, list(_tools(events, time, end))),
        Lane("policy", RED, list(_decisions(events, time))),
        Lane("recording", GREY, list(_recordings(events, time, end))),
        Lane("notes", AMBER, list(_notes(events, time))),
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


def _steps(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    for e in events:
        if isinstance(e, StepStarted):
            yield Mark(time.of(e), e.verb, detail=f"{e.section}[{e.index}] {e.verb}, line {e.line}")
        elif isinstance(e, CallStarted):
            yield Mark(time.of(e), e.plan or "call", GREY, detail=e.why, bold=True)
        elif isinstance(e, AgentChanged):
            yield Mark(time.of(e), f"agent {e.agent}", TEAL, "diamond", detail=e.summary, bold=True)
        elif isinstance(e, StepChanged):
            yield Mark(time.of(e), f"step {e.step}", TEAL, detail=f"{e.context}.{e.step} by {e.by}")
        elif isinstance(e, Gathered):
            yield Mark(time.of(e), f"{e.key}: {e.value}", BLUE, detail=f"attempts: {e.attempts}")
        elif isinstance(e, CallEnded):
            colour = RED if e.status >= 400 else GREY
            yield Mark(time.of(e), f"end: {e.reason} (by {e.by})", colour, bold=True)


def _ladders(events: Sequence[Event], time: Clock) -> Iterator[Lane]:
    """One lane for each SIP dialog: what came in points right, what went out points left."""
    rungs = [e for e in events if isinstance(e, SipMessage)]
    us = _us(rungs, events)
    dialogs: dict[str, list[SipMessage]] = {}
    for rung in rungs:
        dialogs.setdefault(rung.sip_call_id, []).append(rung)
    for number, messages in enumerate(dialogs.values(), 1):
        marks = [_rung(e, time, inward=e.destination == us) for e in messages]
        yield Lane("SIP" if number == 1 else f"SIP {number}", BLUE, marks)


def _us(rungs: Sequence[SipMessage], events: Sequence[Event]) -> str:
    """Our own name in the ladder: the one end all rungs share, or else the called one."""
    if not rungs:
        return ""
    ends = [{rung.source, rung.destination} for rung in rungs]
    common = set.intersection(*ends)
    if len(common) == 1:
        return common.pop()
    outbound = any(isinstance(e, CallStarted) and e.direction == "outbound" for e in events)
    return rungs[0].source if outbound else rungs[0].destination


def _rung(rung: SipMessage, time: Clock, *, inward: bool) -> Mark:
    failed = rung.start_line.startswith("SIP/2.0 ") and rung.start_line[8:9] in "456"
    return Mark(
        time.of(rung),
        _rung_label(rung),
        RED if failed else BLUE if inward else TEAL,
        "in" if inward else "out",
        detail=f"{rung.source} → {rung.destination}: {rung.start_line} (CSeq {rung.cseq})",
    )


def _rung_label(rung: SipMessage) -> str:
    """`INVITE`, or `180 Ringing`; a final answer to anything but INVITE names its method."""
    first, _, rest = rung.start_line.partition(" ")
    if first != "SIP/2.0":
        return first
    method = rung.cseq.partition(" ")[2]
    return f"{rest} ({method})" if method not in {"", "INVITE"} else rest


def _legs(events: Sequence[Event], time: Clock, end: int) -> Iterator[Lane]:
    changes: dict[str, list[LegChanged]] = {}
    for e in events:
        if isinstance(e, LegChanged):
            changes.setdefault(e.leg, []).append(e)
    for number, moves in enumerate(changes.values()):
        marks = []
        for move, after in zip(moves, [*moves[1:], None], strict=True):
            status = f" {move.status}" if move.status else ""
            failed = move.state == "disconnected" and move.status >= 300
            whom = f" {move.remote}" if move.role != "caller" and move is moves[0] else ""
            marks.append(
                Mark(
                    time.of(move),
                    f"{move.state}{status}{whom}" + (f" {move.reason}" if failed else ""),
                    RED if failed else _LEG_COLOURS.get(move.state, GREY),
                    "tick" if move.state == "disconnected" else "bar",
                    end=time.of(after) if after else end,
                    detail=f"{move.role} {move.remote}: {move.state}{status} {move.reason}",
                )
            )
        yield Lane(f"{moves[0].role} leg" + (f" {number + 1}" if number else ""), GREY, marks)


def _words(events: Iterable[Event], time: Clock, speaker: str) -> Iterator[Mark]:
    colour = {"caller": BLUE, "agent": TEAL}.get(speaker, VIOLET)
    for e in events:
        if isinstance(e, Said) and e.speaker == speaker:
            how = "" if e.confidence is None else f" (confidence {e.confidence:.2f})"
            cut = f" — not heard: {e.unheard}" if e.unheard else ""
            yield Mark(
                time.at(e.start),
                e.text or ("" if e.unheard else "(no words)"),
                colour,
                "box",
                end=time.at(e.end),
                detail=f"{e.speaker}: {e.text}{cut}{how}",
                struck=e.unheard,
            )
        elif isinstance(e, DigitReceived) and speaker == "caller":
            detail = f"key {e.digit} by {e.method}"
            yield Mark(time.of(e), f"[{e.digit}]", VIOLET, detail=detail, bold=True)


def _responses(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    for e in events:
        if not isinstance(e, TurnLatency) or e.speech_end is None:
            continue
        heard = e.first_rtp if e.first_rtp is not None else e.first_audio
        if heard is None:
            continue
        waterfall = ", ".join(
            f"{name} +{value - e.speech_end} ms"
            for name in ("endpoint", "final_text", "first_token", "first_audio", "first_rtp")
            if (value := getattr(e, name)) is not None
        )
        yield Mark(
            time.at(e.speech_end),
            f"{(heard - e.speech_end) / 1000:.2f} s",
            GREY,
            "bar",
            end=time.at(heard),
            detail=f"turn {e.turn}: {waterfall}",
        )


def _barge_ins(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    for e in events:
        if isinstance(e, BargeIn):
            words = f": {e.words}" if e.words else ""
            yield Mark(
                time.of(e),
                e.decision if e.decision == "paused" else f"{e.decision} ({e.evidence}){words}",
                _BARGE_COLOURS[e.decision],
                "diamond",
                detail=f"{e.decision} after {e.played_ms} ms played: {e.evidence}{words}",
            )


def _tools(events: Sequence[Event], time: Clock, end: int) -> Iterator[Mark]:
    returned = {e.id: e for e in events if isinstance(e, ToolReturned)}
    for e in events:
        if not isinstance(e, ToolCalled):
            continue
        result = returned.get(e.id)
        asked = f"{e.tool}({', '.join(f'{k}={v}' for k, v in e.arguments.items())})"
        came = "no result" if result is None else result.result or "done"
        yield Mark(
            time.of(e),
            f"{asked}: {came}",
            GREEN if result and result.ok else RED,
            "bar",
            end=time.of(result) if result else end,
            detail=f"{asked} → {came}",
        )


def _decisions(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    for e in events:
        if not isinstance(e, PolicyDecided):
            continue
        if e.allowed:
            how = " by the caller's yes" if e.confirmed else ""
            label, colour = f"{e.verb} allowed{how}", GREEN
        else:
            label, colour = f"{e.verb} DENIED: {e.reason}", RED
        detail = f"{e.verb} by {e.by}: {e.reason}"
        yield Mark(time.of(e), label, colour, "diamond", detail=detail, bold=not e.allowed)


def _recordings(events: Sequence[Event], time: Clock, end: int) -> Iterator[Mark]:
    stopped = {e.control_id: e for e in events if isinstance(e, RecordingStopped)}
    for e in events:
        if isinstance(e, RecordingStarted):
            stop = stopped.get(e.control_id)
            until = time.of(stop) if stop else end
            yield Mark(time.of(e), e.path, GREY, "bar", end=until, detail=f"recording {e.path}")


def _notes(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    for e in events:
        if isinstance(e, Warned):
            yield Mark(time.of(e), f"{e.code}: {e.detail}", AMBER, "diamond")
        elif isinstance(e, ProviderFailed):
            label = f"{e.role} failed: {e.cause}, then {e.then}"
            yield Mark(time.of(e), label, RED, "diamond", detail=f"{e.provider}: {e.cause}")
