"""The caller's side of a call on record: what they did, and what they did it after. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from sipagent.agent.yielding.bargein import LATE_WORDS
from sipagent.events import (
    BargeIn,
    CallEnded,
    DigitReceived,
    Event,
    LegChanged,
    MessageReceived,
    Said,
    SoundPlayed,
    SpeechEnded,
    SpeechStarted,
    StepStarted,
)
from sipagent.media.frames import FRAME_MS

#: an onset may be noticed before what counts as the beginning of the words, ms
_EARLY = 300
Kind = Literal["says", "sounds", "presses", "writes", "hangs_up"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """When: `after_ms` after the `count`th of `mark` since the caller last did something; without
    a mark, after that.
    """

    after_ms: int
    mark: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing the caller did, from `start` to `end`, media-clock ms. `over`: while they were
    spoken to. `hidden`: a key that is not on record. `guessed`: ms from its start until ears first
    had a guess at the words, as far as that decided anything.
    """

    kind: Kind
    start: int
    end: int
    text: str = ""
    hidden: bool = False
    over: bool = False
    guessed: int = 0
    #: how sure the ears were of the words
    confidence: float = 1.0
    #: where it stands among the events
    place: int = 0
    anchor: Anchor = Anchor(0)

    @property
    def takes_time(self) -> bool:
        """Is it sound?"""
        return self.kind in ("says", "sounds")


def mark_of(event: Event) -> str:
    """What callers wait for, as a name; empty for what they do not notice."""
    match event:
        case SpeechStarted(speaker="agent"):
            return "agent speaks"
        case SpeechEnded(speaker="agent"):
            return "agent is done"
        case SoundPlayed():
            return "sound is over"
        case StepStarted(verb=verb):
            return f"step {verb}"
        case LegChanged(role="callee", state=("confirmed" | "disconnected") as state):
            return f"callee {state}"
        case LegChanged(role="caller", state="confirmed"):
            return "answered"
    return ""


def deeds_of(events: Sequence[Event]) -> list[Deed]:
    """What the caller did, in order, each with what it came after."""
    done = sorted(_done(events), key=lambda deed: deed.start)
    marks = [
        _Mark(place, event.t, name)
        for place, event in enumerate(events)
        if (name := mark_of(event))
    ]
    answered = next((m for m in marks if m.name == "answered"), _Mark(0, events[0].t, ""))
    speaking = list(_speaking(events))
    found: list[Deed] = []
    before = Deed("presses", answered.t, answered.t, place=answered.place)
    for deed in done:
        over = any(start <= deed.start < end for start, end in speaking)
        between = [m for m in marks if _follows(m, before) and _precedes(m, deed)]
        anchor = _anchor(deed.start, before.start, between)
        guessed = _guessed(deed, events)
        found.append(replace(deed, over=over, anchor=anchor, guessed=guessed))
        before = deed
    return found


class _Mark(NamedTuple):
    """Something a caller notices: where among the events, and when."""

    place: int
    t: int
    name: str


def _follows(mark: _Mark, deed: Deed) -> bool:
    """Words begin before they are noticed: of them only the clock tells."""
    return mark.t >= deed.start if deed.takes_time else mark.place > deed.place


def _precedes(mark: _Mark, deed: Deed) -> bool:
    return mark.t <= deed.start if deed.takes_time else mark.place < deed.place


def _anchor(start: int, before: int, between: Sequence[_Mark]) -> Anchor:
    """The last mark since `before`, which is counted from there."""
    if not between:
        return Anchor(max(0, start - before))
    last = between[-1]
    count = sum(mark.name == last.name for mark in between)
    return Anchor(max(0, start - last.t), last.name, count)


def _guessed(deed: Deed, events: Sequence[Event]) -> int:
    """Who speaks over an agent is judged by the words ears have by then, and by how soon they had
    some before, which is not on record: they have them just in time for what was decided.
    """
    for event in events:
        if isinstance(event, BargeIn) and event.decision in ("resumed", "stopped"):
            onset = event.t if event.onset is None else event.onset
            if deed.kind == "says" and deed.start - _EARLY <= onset < deed.end:
                in_time = event.decision == "stopped" and event.evidence != LATE_WORDS
                return max(1, event.t - deed.start + FRAME_MS * (-2 if in_time else 1))
    return 0


def _done(events: Sequence[Event]) -> Iterator[Deed]:
    legs = {e.leg for e in events if isinstance(e, LegChanged) and e.role == "caller"}
    said = [e for e in events if isinstance(e, Said) and e.speaker == "caller"]
    for event in said:
        if event.end > event.start:
            sure = 1.0 if event.confidence is None else event.confidence
            yield Deed("says", event.start, event.end, event.text, confidence=sure)
    yield from _sounds(events, said)
    latest, leaving = 0, _leaving(events)
    for place, happened in enumerate(events):
        if mark_of(happened):
            latest = max(latest, happened.t)
        # a mark that stands before it came before it: events of a mouth are a frame ahead
        t = max(latest, happened.t)
        match happened:
            case DigitReceived() if happened.leg in legs:
                yield Deed("presses", t, t, happened.digit, happened.hidden, place=place)
            case MessageReceived() if happened.leg in legs or not happened.leg:
                yield Deed("writes", t, t, happened.text, place=place)
        if happened is leaving:
            yield Deed("hangs_up", t, t, place=place)


def _leaving(events: Sequence[Event]) -> Event | None:
    """With what the caller left: unless we hung up on them."""
    end = events[-1]
    if not isinstance(end, CallEnded) or end.by not in ("caller", "system"):
        return None
    gone = (e for e in reversed(events) if isinstance(e, LegChanged) and e.role == "caller")
    return next((e for e in gone if e.state == "disconnected"), end)


def _sounds(events: Sequence[Event], said: Sequence[Said]) -> Iterator[Deed]:
    """Voice of the caller's in which no word was heard: a cough, or what nobody understood."""
    began: int | None = None
    for event in events:
        if isinstance(event, SpeechStarted) and event.speaker == "caller":
            began = event.t
        elif isinstance(event, SpeechEnded) and event.speaker == "caller" and began is not None:
            start, end, began = began, event.t, None
            if not any(one.start < end and start < one.end for one in said):
                yield Deed("sounds", start, end)


def _speaking(events: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """When the caller was spoken to, media-clock ms."""
    began: int | None = None
    for event in events:
        match event:
            case SpeechStarted(speaker="agent"):
                began = event.t if began is None else began
            case SpeechEnded(speaker="agent") if began is not None:
                yield began, event.t
                began = None
            case SoundPlayed():
                yield event.start, event.end
    if began is not None:
        yield began, events[-1].t
