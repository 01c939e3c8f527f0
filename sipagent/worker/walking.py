"""Walking: a call from the first step of its plan to its last event, whoever ends it."""

import asyncio
from typing import Any

import structlog

from sipagent.call import reasons
from sipagent.call.leg import LegState
from sipagent.call.session import CallSession

from .commands import Commands
from .course import Course

log = structlog.get_logger(__name__)

#: how long a plan may take to notice that its caller has left, seconds
_LAST_WORD = 3.0


async def walk(
    call: CallSession,
    course: Course,
    commands: Commands,
    ended: "asyncio.Future[str]",
    *,
    limit: float,
) -> None:
    """Run the plan until it ends, the caller leaves, somebody ends the call (`ended` says why), or
    `limit` seconds are up; then end the call.
    """
    following = asyncio.create_task(course.run())
    gone = asyncio.create_task(call.left(call.caller))
    ends: set[asyncio.Future[Any]] = {following, gone, ended}
    done, _ = await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    reason, by = "the plan ended", "plan"
    if not done:
        reason, by = f"the longest call is {limit:g} s", "system"
    elif call.hung_up_by is not None:
        reason, by = f"the {call.hung_up_by} hung up", call.hung_up_by
    elif call.caller.status == 408 and call.caller.state is LegState.DISCONNECTED:
        reason, by = f"the caller is gone: {call.caller.reason}", "system"
    elif call.caller.state is LegState.DISCONNECTED:
        told = reasons.parse(call.caller.reason)
        reason, by = "the caller hung up" + (f" ({told.words})" if told else ""), "caller"
    elif ended in done:
        reason, by = ended.result(), "system"
    ended.add_done_callback(lambda _: call.afterwork.hurry())
    if gone in done:
        # What is under way notices too, and its last word (a transfer's outcome) is recorded.
        await asyncio.wait({following}, timeout=_LAST_WORD)
    await commands.close(_LAST_WORD if gone in done else 0.0)
    if course.hung_up:
        reason = f"{course.hung_up} hung up"
    for task in (following, gone):
        task.cancel()
    failure = (await asyncio.gather(following, return_exceptions=True))[0]
    status = call.caller.status or 200
    if isinstance(failure, Exception):
        log.error("plan_crashed", exc_info=failure)
        reason, by, status = f"internal error: {type(failure).__name__}", "system", 500
    elif course.failed is not None and call.hung_up_by is None:
        reason, by, status = course.failed.detail, "system", course.failed.status or status
    await call.end(status, reason, by)
