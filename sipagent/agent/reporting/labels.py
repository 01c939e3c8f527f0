"""What happens in a talk under the names of SWML's debug webhook. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sipagent.call.by import function_of
from sipagent.call.posts import shown
from sipagent.events import (
    BargeIn,
    Event,
    FillerSpoken,
    Gathered,
    HoldChanged,
    LanguageChanged,
    LimitReached,
    ModelUsed,
    ProviderFailed,
    Reported,
    Said,
    StepChanged,
    ToolCalled,
    ToolReturned,
    TurnLatency,
    VerbDone,
    Warned,
)

from .entries import Happening

_FAILURES = {"mind": "llm_error", "ears": "asr_error", "mouth": "voice_error"}
#: functions that the platform calls, not the mind
_HOOKS = frozenset({"startup_hook", "hangup_hook"})


@dataclass(frozen=True, slots=True)
class Told:
    """One debug event; those of level 2 are sent where the agent asks for them."""

    label: str
    fields: dict[str, Any] = field(default_factory=dict)
    level: int = 1


def told(happening: Happening) -> Told | None:
    """The debug event of what happened, None where it has no counterpart."""
    event = happening.event
    return _of_the_floor(event) or _of_the_mind(event) or _of_the_plan(event)


def told_of_function(entry: Mapping[str, Any]) -> tuple[Told, ...]:
    """The debug events of one entry of `swaig_log`."""
    name = str(entry.get("command_name", ""))
    fields = {"function": name, "native": bool(entry.get("native"))}
    if url := entry.get("url") or entry.get("mcp_url"):
        fields["url"] = shown(str(url))
    label = name if name in _HOOKS else "swaig_call"
    answer = entry.get("post_response") or entry.get("mcp_response")
    replied = Told("webhook_reply", {"function": name, "response": answer}, 2)
    return (Told(label, fields), *((replied,) if answer is not None else ()))


def _of_the_floor(event: Event) -> Told | None:
    match event:
        case Said(speaker="caller"):
            fields: dict[str, Any] = {"text": event.text, "speech_ms": event.end - event.start}
            if event.confidence is not None:
                fields["confidence"] = event.confidence
            return Told("speech_detect", fields)
        case Said(speaker="agent"):
            fields = {"role": "assistant", "content": event.text, "barged": event.interrupted}
            return Told("conversation_add", fields, 2)
        case BargeIn(decision="stopped" | "resumed" as decision):
            fields = {"decision": decision, "barge_elapsed_ms": event.played_ms}
            return Told("barge", fields | {"evidence": event.evidence})
        case FillerSpoken():
            return Told("filler", {"text": event.text})
        case HoldChanged():
            return Told("hold", {"held": event.held})
        case LanguageChanged():
            return Told("language", {"language": event.language, "voice": event.voice})
    return None


def _of_the_mind(event: Event) -> Told | None:
    match event:
        case TurnLatency():
            stages = ("endpoint", "first_token", "first_sentence", "first_audio", "first_rtp")
            fields = {name: t for name in stages if (t := getattr(event, name)) is not None}
            fields |= {"turn": event.turn, "outcome": event.outcome}
            return Told("ai_completion", fields)
        case ModelUsed():
            fields = {"model": event.model, "input_tokens": event.input}
            return Told("llm_response", fields | {"tokens": event.output, "ms": event.ms}, 2)
        case ToolCalled():
            fields = {"id": event.id, "function": event.tool, "argument": event.arguments}
            return Told("function_call", fields)
        case ToolReturned():
            fields = {"id": event.id, "function": event.tool, "ok": event.ok, "ms": event.ms}
            return Told("function_result", fields | {"response": event.result}, 2)
        case ProviderFailed():
            fields = {"provider": event.provider, "cause": event.cause}
            return Told(_FAILURES[event.role], fields | {"then": event.then})
    return None


def _of_the_plan(event: Event) -> Told | None:
    match event:
        case StepChanged():
            other = event.before and event.before.partition(".")[0] != event.context
            fields = {"context": event.context, "step": event.step, "before": event.before}
            return Told("context_change" if other else "step_change", fields | {"by": event.by})
        case Gathered():
            fields = {"key": event.key, "value": event.value}
            return Told("gather_answer", fields | {"attempts": event.attempts})
        case VerbDone(by=by) if (function := function_of(by)) is not None:
            fields = {"action": event.verb, "function": function}
            return Told("process_action", fields | {"ok": event.ok, "detail": event.detail})
        case Reported(report="fetch_conversation"):
            return Told("webhook_reply", {"ok": event.ok, "status": event.status})
        case Warned(code="too_many_tools"):
            return Told("function_loop", {"detail": event.detail})
        case Warned():
            return Told("warning", {"code": event.code, "detail": event.detail})
        case LimitReached():
            return Told("warning", {"code": f"limit_{event.limit}", "detail": f"{event.bound:g}"})
    return None
