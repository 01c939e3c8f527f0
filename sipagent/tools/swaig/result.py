"""What a function answered: text for the model, and actions. Any shape is made sense of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sipagent.call.web import WebReply

from ..functions import bounded

#: actions of one answer that are carried out
MOST_ACTIONS = 50
DONE = "Action completed."
#: how the SDKs refuse a token, in a 200
_EXPIRED = "invalid or expired"


@dataclass(frozen=True, slots=True)
class SwaigResult:
    """`text` is what the model reads, bounded. `actions` are as they came: one object each, which
    may hold several keys. `post_process`: the model speaks first. `expired`: the function's token
    counts no more. `dropped` actions were beyond the bound.
    """

    text: str
    ok: bool = True
    actions: tuple[Mapping[str, Any], ...] = ()
    post_process: bool = False
    expired: bool = False
    dropped: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


def result_of(reply: WebReply, name: str) -> SwaigResult:
    """A webhook's answer; a status of failure is one for the model, too."""
    data = _json(reply)
    if not reply.ok:
        return SwaigResult(_failure(reply.status, name), ok=False)
    return read_result(data)


def read_result(data: Any) -> SwaigResult:
    """A SWAIG result, from a webhook or a data map."""
    if not isinstance(data, Mapping):
        return SwaigResult(_text(data))
    actions = _actions(data.get("action", data.get("actions")))
    error = data.get("error")
    text = _text(data.get("response"))
    ok = not (error and "response" not in data)
    if not ok:
        text = bounded(f"The function failed: {_plain(error)}")
    return SwaigResult(
        text,
        ok,
        actions[:MOST_ACTIONS],
        _true(data.get("post_process")),
        expired=_EXPIRED in text.lower() and "token" in text.lower(),
        dropped=max(0, len(actions) - MOST_ACTIONS),
        data=data,
    )


def _json(reply: WebReply) -> Any:
    """What is no JSON is the text of the response."""
    if not reply.body.strip():
        return {}
    try:
        return reply.json()
    except (ValueError, RecursionError):
        return reply.text.strip()


def _failure(status: int, name: str) -> str:
    if status in (401, 403):
        return f"{name} was refused (HTTP {status}): it cannot be used now."
    if status == 404:
        return f"{name} was not found (HTTP 404): it cannot be used now."
    return f"{name} failed (HTTP {status}); go on without it or try once more."


def _text(response: Any) -> str:
    """`{tool_result, tool_prompt}` keeps what came out apart from what to make of it."""
    if isinstance(response, Mapping) and {"tool_result", "tool_prompt"} & response.keys():
        parts = (response.get("tool_result"), response.get("tool_prompt"))
        return (
            bounded("\n\n".join(_plain(part) for part in parts if part not in (None, ""))) or DONE
        )
    return bounded(_plain(response)) or DONE


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value, ensure_ascii=False, default=str)


def _actions(value: Any) -> tuple[Mapping[str, Any], ...]:
    if isinstance(value, Mapping):
        return (value,)
    if isinstance(value, str):
        return ({value: True},)
    if not isinstance(value, list | tuple):
        return ()
    found: list[Mapping[str, Any]] = []
    for item in value:
        if isinstance(item, Mapping):
            found.append(item)
        elif isinstance(item, str):
            found.append({item: True})
    return tuple(found)


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
