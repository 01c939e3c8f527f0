"""What a talk took: the replies of its mind, and the sums over all of it. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from sipagent.events import Event, ModelUsed, SpeechUsed, TurnLatency

from .entries import Entry, Happening


def times(happened: Sequence[Happening], log: Sequence[Entry]) -> list[Entry]:
    """One entry a reply of the mind: seconds, tokens, and tokens a second."""
    found: list[Entry] = []
    tokens, seconds = 0, 0.0
    said = [str(entry["content"]) for entry in log if entry["role"] == "assistant"]
    first = _first_tokens(happened)
    for number, used in enumerate(_all(happened, ModelUsed)):
        response = said[number] if number < len(said) else ""
        took = used.ms / 1000
        tokens, seconds = tokens + used.output, seconds + took
        found.append(
            {
                "response": response,
                "response_word_count": len(response.split()),
                "answer_time": took,
                "token_time": next(first, took),
                "tokens": used.output,
                "tps": _rate(used.output, took),
                "avg_tps": _rate(tokens, seconds),
            }
        )
    return found


def totals(happened: Sequence[Happening], seconds: float) -> dict[str, Any]:
    """Sums over a talk of so many seconds. What goes over the wire is what the provider counts."""
    replies, speech = list(_all(happened, ModelUsed)), list(_all(happened, SpeechUsed))
    minutes = seconds / 60
    read, written = sum(r.input for r in replies), sum(r.output for r in replies)
    characters = sum(s.characters for s in speech if s.role == "mouth")
    heard = sum(s.seconds for s in speech if s.role == "ears") / 60
    return {
        "total_minutes": round(minutes, 4),
        "total_input_tokens": read,
        "total_output_tokens": written,
        "total_wire_input_tokens": read,
        "total_wire_input_tokens_per_minute": _rate(read, minutes),
        "total_wire_output_tokens": written,
        "total_wire_output_tokens_per_minute": _rate(written, minutes),
        "total_tts_chars": characters,
        "total_tts_chars_per_min": _rate(characters, minutes),
        "total_asr_minutes": round(heard, 4),
        "total_asr_cost_factor": 1.0,
    }


def _first_tokens(happened: Sequence[Happening]) -> Iterator[float]:
    """Seconds from the end of each turn to the mind's first word."""
    for turn in _all(happened, TurnLatency):
        if turn.first_token is not None and turn.endpoint is not None:
            yield (turn.first_token - turn.endpoint) / 1000


def _rate(count: float, time: float) -> float:
    return round(count / time, 3) if time > 0 else 0.0


def _all(happened: Sequence[Happening], kind: Any) -> Iterator[Any]:
    events: Iterator[Event] = (one.event for one in happened)
    return (event for event in events if isinstance(event, kind))
