"""The body of a post-prompt report, with every field SWML gives it."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from sipagent.call.caller_id import caller_id
from sipagent.call.identity import swml_id
from sipagent.call.session import CallSession
from sipagent.events import LimitReached

from .entries import Entry, microseconds
from .observer import Observer
from .spec import ReportsSpec
from .timeline import timeline
from .totals import times, totals


@dataclass(frozen=True, slots=True)
class PostPromptData:
    """What a model wrote: `raw`, the JSON objects in it, and the text around them."""

    raw: str = ""
    parsed: tuple[dict[str, Any], ...] = ()
    substituted: str = ""

    def summary(self, mode: Literal["string", "original"]) -> Any:
        """What is kept of it for the next talk: words, or the object that it is."""
        if mode == "original" and self.parsed:
            return self.parsed[0]
        return self.substituted or self.raw


def post_prompt_data(text: str, data: dict[str, Any]) -> PostPromptData:
    """From a model's answer in words, and the facts it called a function with, if any."""
    if data:
        return PostPromptData(json.dumps(data, ensure_ascii=False), (data,), text)
    found, around, at = [], "", 0
    decoder = json.JSONDecoder()
    while (start := text.find("{", at)) >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            around += text[at : start + 1]
            at = start + 1
            continue
        around += text[at:start]
        found.append(value)
        at = end
    return PostPromptData(text, tuple(found), (around + text[at:]).strip())


def identity(call: CallSession, spec: ReportsSpec, session_id: str) -> dict[str, Any]:
    """Which talk of which call it is, as every report says."""
    who = caller_id(call)
    told = {
        "call_id": swml_id(call),
        "ai_session_id": session_id,
        "app_name": spec.app_name,
        "conversation_type": "voice",
        "caller_id_name": call.kept(who.name or who.number),
        "caller_id_number": call.kept(who.number),
        "project_id": "",
        "space_id": "",
    }
    return told | ({"conversation_id": spec.conversation_id} if spec.conversation_id else {})


def report(
    call: CallSession, spec: ReportsSpec, log: Observer, made: PostPromptData
) -> dict[str, Any]:
    """All of it, redacted as the call is."""
    scope = call.scope
    data = {
        "parsed": list(made.parsed),
        "raw": made.raw,
        "substituted": made.substituted,
    }
    body = {
        **identity(call, spec, log.session_id),
        "content_type": "text/json",
        "content_disposition": "agent.summary",
        "action": "post_conversation",
        "call_ended_by": _ended_by(call),
        **_dates(call, log),
        "post_prompt_data": call.kept_data(data),
        "global_data": call.kept_data(dict(scope.get("global_data", {}))),
        "SWMLVars": call.kept_data(dict(scope.get("vars", {}))),
        "SWMLCall": call.kept_data(dict(scope.get("call", {}))),
        **_logs(log),
    }
    if earlier := scope.get("conversation_summary"):
        body["conversation_summary"] = call.kept(str(earlier))
    if any(event.limit == "seconds" for event in log.all(LimitReached)):
        body["hard_timeout"] = True
    return body


def _logs(log: Observer) -> dict[str, Any]:
    raw: list[Entry] = log.raw_call_log()
    end = log.span.end or log.span.begin
    return {
        "call_log": log.call_log(),
        "raw_call_log": raw,
        "call_timeline": timeline(log.happened),
        "previous_contexts": log.previous_contexts(),
        "times": times(log.happened, raw),
        "swaig_log": list(log.functions()),
        **totals(log.happened, (end - log.span.begin).total_seconds()),
    }


def _dates(call: CallSession, log: Observer) -> dict[str, int]:
    """Microseconds since the epoch; 0 for what has not happened."""
    return {
        "call_start_date": microseconds(call.times.began),
        "call_answer_date": microseconds(call.times.answered),
        "call_end_date": microseconds(call.times.left),
        "ai_start_date": microseconds(log.span.begin),
        "ai_end_date": microseconds(log.span.end),
    }


def _ended_by(call: CallSession) -> str:
    """In SWML's words. Empty while the call goes on without the agent."""
    if call.times.left is None:
        return ""
    return {None: "user", "agent": "assistant"}.get(call.hung_up_by, "system")
