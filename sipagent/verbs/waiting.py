"""Waits that end when the caller does, and legs that end when their reason does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sipagent.call.leg import Leg, LegState, let_go
from sipagent.call.reasons import Reason
from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.tasks import stopped

T = TypeVar("T")


class CallerGone(CallError):
    """The caller hung up before this was done."""

    status = 487

    def __init__(self) -> None:
        super().__init__("the caller hung up")


async def while_caller_stays(call: CallSession, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the caller leaves. Raises CallerGone.

    Nothing of it runs any more on return, however that comes about.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(call.left(call.caller))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise CallerGone
    finally:
        await stopped(task, gone)


async def answered(call: CallSession) -> None:
    """Answer the caller if that was not done yet."""
    if call.caller.state in (LegState.INCOMING, LegState.EARLY):
        await call.caller.answer()


async def audible(call: CallSession) -> None:
    """Open early media (183, RFC 3960) to a caller who is not to be answered yet: without it
    nothing would ever be played.
    """
    if call.caller.state is LegState.INCOMING:
        await call.caller.answer(183)


async def drop(call: CallSession, *legs: Leg, reason: Reason | None = None) -> None:
    """End legs and take them out of the room, even when the waiter is cancelled meanwhile.

    They are told `reason`, by default that of the caller's parting.
    """
    ending = set()
    for leg in legs:
        call.room.leave(leg)
        if leg.state is not LegState.DISCONNECTED:
            ending.add(call.spawn(let_go(leg, str(reason or call.parting()))))
    if ending:
        await asyncio.wait(ending)
