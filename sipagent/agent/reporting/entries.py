"""The conversation as entries of SWML's `call_log`: who said what, when, and how it went. Pure."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sipagent.events import (
    BargeIn,
    DigitReceived,
    Event,
    Gathered,
    LanguageChanged,
    Said,
    StepChanged,
    ToolCalled,
    ToolReturned,
    TurnLatency,
)

from ..conversation import Message

#: takes out of data what is not to be kept
Kept = Callable[[Any], Any]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, and how many messages the conversation had by then (forgotten ones too)."""

    event: Event
    messages: int


def microseconds(at: datetime | float | None) -> int:
    """Since the epoch, as SWML counts; 0 for what did not happen."""
    if at is None:
        return 0
    return int((at.timestamp() if isinstance(at, datetime) else at) * 1_000_000)


def system_prompt(prompt: str, at: datetime) -> list[Entry]:
    """The prompt as the first entry of a log, where there is one."""
    if not prompt:
        return []
    return [{"role": "system", "content": prompt, "timestamp": microseconds(at)}]


def entries(
    messages: Sequence[Message], since: int, happened: Sequence[Happening], kept: Kept
) -> list[Entry]:
    """`messages` are those of the talk from its `since`th on. Redacted texts come from the events,
    which were redacted in their context; what has none is redacted by `kept`.
    """
    told = _Told(happened, since, messages)
    found: list[Entry] = []
    for index, message in enumerate(messages, since):
        found += told.notes(index)
        match message.role:
            case "caller":
                found.append(_user(message, told, index, kept))
            case "agent":
                found.append(_assistant(message, told, index, kept))
            case "tool":
                found.append(_tool(message, told, kept))
            case "system":
                found.append(_entry(message, "system", kept(message.text)))
    return [*found, *told.notes(since + len(messages))]


class _Told:
    """The events of a talk by the messages they belong to; each is given once, in order."""

    def __init__(
        self, happened: Sequence[Happening], since: int, messages: Sequence[Message]
    ) -> None:
        later = [h for h in happened if h.messages >= since]
        self._said = [h for h in later if isinstance(h.event, Said)]
        self._keys = [h for h in later if isinstance(h.event, DigitReceived)]
        self._barges = [h for h in later if isinstance(h.event, BargeIn)]
        self.latencies = {
            _answer(messages, h.messages - since) + since: h.event
            for h in later
            if isinstance(h.event, TurnLatency)
        }
        self._notes = [h for h in later if _note(h.event)]
        self.called = {h.event.id: h.event for h in happened if isinstance(h.event, ToolCalled)}
        returned = (h.event for h in happened if isinstance(h.event, ToolReturned))
        self.returned = {event.id: event for event in returned}

    def said(self, index: int) -> list[Said]:
        """What the caller was heard to say up to this message, and was in none before."""
        taken = _take(self._said, index, lambda event: event.speaker == "caller")
        return [event for event in taken if isinstance(event, Said)]

    def hides_keys(self, index: int) -> bool:
        """True where nobody is told which keys were pressed for this message."""
        taken = _take(self._keys, index, lambda event: True)
        return any(isinstance(event, DigitReceived) and event.hidden for event in taken)

    def barges(self, index: int) -> int:
        """How often the agent was stopped up to this message, and since the one before."""
        taken = _take(self._barges, index, lambda event: True)
        return sum(isinstance(event, BargeIn) and event.decision == "stopped" for event in taken)

    def spoken(self, text: str) -> Said | None:
        """How a text of ours came out, where it was cut."""
        for happening in self._said:
            event = happening.event
            if isinstance(event, Said) and event.speaker == "agent" and event.text == text:
                return event
        return None

    def notes(self, index: int) -> list[Entry]:
        """What else happened before this message."""
        return [_noted(event) for event in _take(self._notes, index, lambda event: True)]


def _take(queue: list[Any], upto: int, wanted: Callable[[Any], bool]) -> list[Event]:
    taken = [one for one in queue if one.messages <= upto and wanted(one.event)]
    for one in taken:
        queue.remove(one)
    return [one.event for one in taken]


def _answer(messages: Sequence[Message], upto: int) -> int:
    """Where the answer to the newest message of the caller's before `upto` begins."""
    roles = [message.role for message in messages]
    asked = next((n for n in range(min(upto, len(roles)) - 1, -1, -1) if roles[n] == "caller"), 0)
    return next((n for n in range(asked, len(roles)) if roles[n] == "agent"), len(roles))


def _entry(message: Message, role: str, content: str) -> Entry:
    return {"role": role, "content": content, "timestamp": microseconds(message.at)}


def _user(message: Message, told: _Told, index: int, kept: Kept) -> Entry:
    own, parts = _caller_text(message, told.said(index), kept)
    digits = "*" * len(message.digits) if told.hides_keys(index) else kept(message.digits)
    keys = f"[keys pressed: {digits}]" if digits else ""
    text, barges = " ".join(filter(None, [keys, own])), told.barges(index)
    entry = _entry(message, "user", text)
    if message.confidence is not None:
        entry["confidence"] = message.confidence
    if parts:
        begin, end = parts[0], parts[-1]
        stop = microseconds(end.at)
        spoken = sum(part.end - part.start for part in parts)
        entry |= {"start_timestamp": stop - (end.t - begin.start) * 1000, "end_timestamp": stop}
        entry["speaking_to_final_event"] = end.t - end.end
        entry["speech_ms"] = spoken
    if barges:
        entry["barge_count"] = barges
    if len(parts) > 1:
        entry |= {"merged": True, "merge_count": len(parts)}
    return entry


def _caller_text(message: Message, said: Sequence[Said], kept: Kept) -> tuple[str, Sequence[Said]]:
    own = kept(message.text)
    parts = [one for one in said if one.text and one.text in own]
    if said and own and not parts:
        parts = [said[-1]]
        if "[" in said[-1].text:
            # a number that was dictated over several turns is known only where all of them are
            own = said[-1].text
    return own, parts


def _assistant(message: Message, told: _Told, index: int, kept: Kept) -> Entry:
    text = kept(message.text)
    entry = _entry(message, "assistant", text)
    if message.requests:
        entry["tool_calls"] = [_request(request, told, kept) for request in message.requests]
    if (latency := told.latencies.get(index)) is not None:
        entry |= _latencies(latency)
    if message.interrupted:
        cut = told.spoken(text)
        unheard = "" if cut is None else cut.unheard
        entry |= {"barged": True, "text_heard_approx": text}
        entry["text_spoken_total"] = " ".join(filter(None, [text, unheard]))
        if cut is not None:
            entry["barge_elapsed_ms"] = cut.end - cut.start
    return entry


def _latencies(turn: TurnLatency) -> Entry:
    """In ms from the moment the caller's turn was taken to be over."""
    decided = turn.endpoint or 0
    stages = {
        "latency": turn.first_token,
        "utterance_latency": turn.first_sentence,
        "audio_latency": turn.first_rtp if turn.first_audio is None else turn.first_audio,
    }
    return {name: t - decided for name, t in stages.items() if t is not None}


def _request(request: Any, told: _Told, kept: Kept) -> Entry:
    event = told.called.get(request.id)
    arguments = kept(request.arguments) if event is None else event.arguments
    called = {"name": request.name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": request.id, "type": "function", "function": called}


def _tool(message: Message, told: _Told, kept: Kept) -> Entry:
    event = told.returned.get(message.tool_call_id)
    text = kept(message.text) if event is None else event.result
    entry = {
        **_entry(message, "tool", text),
        "tool_call_id": message.tool_call_id,
        "function_name": message.tool,
    }
    if event is not None:
        end = microseconds(event.at)
        entry |= {"function_latency": event.ms, "execution_latency": event.ms}
        entry |= {"start_timestamp": end - event.ms * 1000, "end_timestamp": end}
    return entry


def _note(event: Event) -> bool:
    return isinstance(event, StepChanged | LanguageChanged | Gathered)


def _noted(event: Event) -> Entry:
    entry: Entry = {"role": "system-log", "timestamp": microseconds(event.at)}
    match event:
        case StepChanged():
            moved = "context_change" if _context(event.before) not in ("", event.context) else ""
            entry |= {"action": moved or "step_change", "context": event.context}
            entry |= {"step": event.step, "content": f"step {event.step} of {event.context}"}
        case LanguageChanged():
            entry |= {"action": "language", "lang": event.language, "content": event.language}
        case Gathered():
            entry |= {"action": "gather_answer", "content": f"{event.key}: {event.value}"}
    return entry


def _context(place: str) -> str:
    return place.partition(".")[0]
