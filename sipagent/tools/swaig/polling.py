"""Polling: `check_for_input`, a function that is asked again and again for what came elsewhere."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sipagent.call.identity import swml_id
from sipagent.call.session import CallSession
from sipagent.call.web import WebFailed
from sipagent.events import Warned

from .request import Asking, address, body, request
from .spec import Defaults

CHECK_FOR_INPUT = "check_for_input"
#: failures in a row after which nobody asks any more
_MOST_FAILURES = 10
#: characters of one message, and messages of one answer, that the mind is told
_LONGEST, _MOST = 4_000, 20


async def poll(asking: Asking, defaults: Defaults, call: CallSession) -> None:
    """Ask every `rules.poll_seconds` until cancelled; what is new, the agent hears as if the
    caller had said it. No answer is waited for longer than a function's, and none is on record.
    """
    where, name, failures = address(asking.function, defaults), asking.function.function, 0
    if not where.web_hook_url:
        _warn(call, f"{name} has no web_hook_url")
        return
    while failures < _MOST_FAILURES:
        await asyncio.sleep(asking.rules.poll_seconds)
        # their server knows a conversation by this name, also where the document gives none
        data = {"conversation_id": swml_id(call), **body(asking, {}, {}, call)}
        try:
            reply = await call.services.web.ask(request(where, data, name))
            news = messages_of(reply.json()) if reply.ok else ()
            failures = 0 if reply.ok else failures + 1
            cause = f"HTTP {reply.status}"
        except (WebFailed, ValueError, RecursionError) as error:
            news, failures, cause = (), failures + 1, str(error)
        if failures == 1:
            _warn(call, f"{name}: {cause}")
        for text in news:
            if call.live_agent is not None:
                call.live_agent.tell(text, role="user")
    _warn(call, f"{name} failed {failures} times in a row and is not asked any more")


def messages_of(told: Any) -> tuple[str, ...]:
    """The new texts of an answer: `messages` where it says `new_input`, or a function's own
    `response`; nothing for every other shape.
    """
    if not isinstance(told, Mapping):
        return ()
    found = told.get("messages") if told.get("new_input") else None
    if not isinstance(found, list):
        response = told.get("response")
        found = [response] if response else []
    texts = (_text(message) for message in found[:_MOST])
    return tuple(text[:_LONGEST] for text in texts if text)


def _text(message: Any) -> str:
    if isinstance(message, Mapping):
        message = next((message[k] for k in ("content", "text", "body") if k in message), "")
    return message.strip() if isinstance(message, str) else ""


def _warn(call: CallSession, detail: str) -> None:
    call.emit(Warned, code="swaig", detail=detail)
