"""Lanes of a timeline for what was done and decided: tools, policy, recordings, failures."""

from collections.abc import Iterable, Iterator, Sequence

from sipagent.events import (
    ConsentChanged,
    Event,
    LimitReached,
    McpServerChanged,
    PolicyDecided,
    ProviderFailed,
    RecordingPaused,
    RecordingStarted,
    RecordingStopped,
    SecureEntry,
    TapStarted,
    TapStopped,
    ToolCalled,
    ToolReturned,
    Warned,
    WebAsked,
)

from .marks import AMBER, GREEN, GREY, RED, Mark
from .moments import Clock

_CONSENT_COLOURS = {"given": GREEN, "refused": RED, "withdrawn": AMBER}


def tools(events: Sequence[Event], time: Clock, end: int) -> Iterator[Mark]:
    """What the model asked for, until it was told how that came out."""
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


def decisions(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """What policy said."""
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


def recordings(events: Sequence[Event], time: Clock, end: int) -> Iterator[Mark]:
    """Recordings and taps while they ran, where they kept silence, and the caller's consent."""
    stopped = {e.control_id: e for e in events if isinstance(e, RecordingStopped)}
    untapped = {e.control_id: e for e in events if isinstance(e, TapStopped)}
    for e in events:
        if isinstance(e, RecordingStarted):
            stop = stopped.get(e.control_id)
            until = time.of(stop) if stop else end
            yield Mark(time.of(e), e.path, GREY, "bar", end=until, detail=f"recording {e.path}")
        elif isinstance(e, TapStarted):
            over = untapped.get(e.control_id)
            until = time.of(over) if over else end
            detail = f"tap {e.control_id}: {', '.join(e.tracks)} to {e.uri}"
            yield Mark(time.of(e), f"tap to {e.uri}", AMBER, "bar", end=until, detail=detail)
        elif isinstance(e, RecordingPaused):
            yield Mark(time.of(e), "paused" if e.paused else "resumed", GREY)
        elif isinstance(e, ConsentChanged):
            label = f"consent {e.consent} by {e.how}"
            colour = _CONSENT_COLOURS[e.consent]
            yield Mark(time.of(e), label, colour, "diamond", detail=f"{label}: {e.question}")
    for begin, until, label in private(events, time, end):
        yield Mark(begin, label, GREY, "hatched", end=until)


def private(events: Sequence[Event], time: Clock, end: int) -> Iterator[tuple[int, int, str]]:
    """When the caller typed a secret: silence stands for what was said."""
    began: SecureEntry | None = None
    for e in events:
        if isinstance(e, SecureEntry) and e.change == "began":
            began = e
        elif isinstance(e, SecureEntry) and began is not None:
            yield time.of(began), time.of(e), f"{e.secret}: {e.result}, {e.keys} keys"
            began = None
    if began is not None:
        yield time.of(began), end, f"{began.secret}: not ended"


def providers(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """Ears, minds and mouths that failed, and what was done about it."""
    for e in events:
        if isinstance(e, ProviderFailed):
            then = f"{e.then}: {e.next}" if e.next else e.then
            label = f"{e.role} failed: {e.cause}, then {then}"
            yield Mark(time.of(e), label, RED, "diamond", detail=f"{e.provider}: {e.cause}")
        elif isinstance(e, McpServerChanged) and e.state in ("failed", "lost", "refused"):
            yield Mark(time.of(e), f"mcp {e.server} {e.state}: {e.detail}", RED, "diamond")
        elif isinstance(e, LimitReached):
            label = f"limit of {e.limit} reached: {e.value:g} of {e.bound:g}"
            yield Mark(time.of(e), label, RED, "diamond")


def web(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """What was asked on the web, as long as it took."""
    for e in events:
        if isinstance(e, WebAsked):
            came = e.error or f"{e.status} in {e.ms} ms"
            detail = f"{e.by} {e.method} {e.host}{e.path}: {came}".strip()
            colour = GREY if e.status is not None and e.status < 400 else RED
            label, until = f"{e.method} {e.host}", time.of(e)
            yield Mark(until - e.ms, label, colour, "bar", end=until, detail=detail)


def notes(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """What a person should look at."""
    for e in events:
        if isinstance(e, Warned):
            yield Mark(time.of(e), f"{e.code}: {e.detail}", AMBER, "diamond")
