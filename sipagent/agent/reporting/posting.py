"""Posting: one report to one URL, with three tries in a bounded time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.session import CallSession
from sipagent.call.web import WebFailed, WebReply, WebRequest

#: seconds before each try
_PAUSES = (0.0, 0.5, 2.0)
#: seconds for one answer
_TIMEOUT = 5.0
#: bytes of an answer
_MOST = 1 << 18
#: that another try may mend
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Posted:
    """How it came out: `status` 0 where nobody answered; `cause` is empty where all is well."""

    status: int = 0
    tries: int = 0
    cause: str = ""
    reply: WebReply | None = None


async def post(call: CallSession, url: str, body: Mapping[str, Any]) -> Posted:
    """POST it as JSON until somebody takes it, or says that they never will. Never raises."""
    posted = Posted(cause="not tried")
    for tries, pause in enumerate(_PAUSES, 1):
        await asyncio.sleep(pause)
        request = WebRequest(url, "POST", data=body, timeout=_TIMEOUT, most=_MOST)
        try:
            reply = await call.services.web.ask(request)
        except WebFailed as error:
            posted = Posted(0, tries, str(error))
            continue
        if reply.ok:
            return Posted(reply.status, tries, "", reply)
        posted = Posted(reply.status, tries, f"it answered {reply.status}", reply)
        if reply.status < 500 and reply.status not in _AGAIN:
            break
    return posted
