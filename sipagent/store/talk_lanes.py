"""Lanes of a timeline that the talk fills: words, turns and their waterfall, barge-ins."""

from collections.abc import Iterable, Iterator

from sipagent.call.waterfall import STAGES, turn_of
from sipagent.events import (
    BargeIn,
    DigitReceived,
    Event,
    Said,
    SecureEntry,
    SoundPlayed,
    TurnEnded,
    TurnLatency,
)

from .marks import AMBER, BLUE, GREEN, GREY, RED, TEAL, VIOLET, Mark
from .moments import Clock

_BARGE_COLOURS = {"paused": AMBER, "resumed": GREEN, "stopped": RED, "ignored": GREY}
_OUTCOME_COLOURS = {"failed": RED, "interrupted": AMBER, "silent": GREY}
#: whose each stage of the waterfall is
STAGE_COLOURS = {
    "endpoint": "#b9c2cc",
    "final_text": BLUE,
    "first_token": VIOLET,
    "first_sentence": "#a58bd6",
    "first_audio": TEAL,
    "first_rtp": GREEN,
}


def words(events: Iterable[Event], time: Clock, speaker: str) -> Iterator[Mark]:
    """What one side said and, of the caller, the keys; not when they typed which of a secret."""
    colour = {"caller": BLUE, "agent": TEAL}.get(speaker, VIOLET)
    private = False
    for e in events:
        if isinstance(e, SecureEntry):
            private = e.change == "began"
        elif isinstance(e, Said) and e.speaker == speaker:
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
        elif isinstance(e, DigitReceived) and speaker == "caller" and not private:
            key = "•" if e.hidden else e.digit
            yield Mark(time.of(e), f"[{key}]", VIOLET, detail=f"key {key} by {e.method}", bold=True)


def played(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """What the plan played: the words of `say:`, and other sounds by their names."""
    for e in events:
        if isinstance(e, SoundPlayed):
            shown = e.url.removeprefix("say:")
            cut = "" if e.whole else " (cut short)"
            detail = f"{e.port}: {shown}{cut}"
            yield Mark(time.at(e.start), shown, GREY, "box", end=time.at(e.end), detail=detail)


def turns(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """From the caller's last sound to the answer, stage by stage, and why the turn was over."""
    ended: dict[int, TurnEnded] = {}
    for e in events:
        if isinstance(e, TurnEnded):
            ended[e.turn] = e
        elif isinstance(e, TurnLatency) and e.speech_end is not None:
            yield _turn(e, ended.get(e.turn), time)


def _turn(e: TurnLatency, ended: TurnEnded | None, time: Clock) -> Mark:
    turn = turn_of(e)
    why = f"{ended.rule}: {ended.evidence}" if ended is not None else turn.reason
    waterfall = ", ".join(f"{stage} +{ms} ms" for stage, ms in turn.reached.items())
    detail = f"turn {turn.turn} ended ({why}): {waterfall}"
    at = time.at(turn.t)
    if turn.response_ms is None:
        colour = _OUTCOME_COLOURS.get(turn.outcome, GREY)
        return Mark(at, f"{turn.outcome} ({turn.reason})", colour, "diamond", detail=detail)
    parts, before = [], 0
    for stage in STAGES:
        if (ms := turn.reached.get(stage)) is not None and ms > before:
            parts.append((at + before, at + ms, STAGE_COLOURS[stage]))
            before = ms
    reason = f" ({turn.reason})" if turn.reason else ""
    return Mark(
        at,
        f"{turn.response_ms / 1000:.2f} s{reason}",
        GREY,
        "stages",
        end=at + turn.response_ms,
        detail=detail,
        parts=tuple(parts),
    )


def barge_ins(events: Iterable[Event], time: Clock) -> Iterator[Mark]:
    """What was decided when the caller spoke over the agent, and why."""
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
