"""The action hold: the caller hears music, the agent hears nothing, until someone ends it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.events import Event, HoldChanged

from .doing import Doing
from .values import seconds

#: seconds where none, or impossible ones, are given; and the most
USUAL, MOST = 300.0, 900.0


async def hold(doing: Doing, value: Any) -> None:
    """Seconds, "5m", or `{timeout, step, timeout_step}`. Only time, or somebody from outside
    (`ai_unhold`, the verb resume), ends it; then the talk goes on, in the step that is named.
    """
    wanted = value if isinstance(value, Mapping) else {"timeout": value}
    limit = _limit(wanted.get("timeout", USUAL))
    call = doing.call
    if doing.control.presence is not None:
        await doing.control.presence.finish_speaking()
    async with call.aside():
        back = asyncio.Event()
        stop = call.watch(lambda event: _watch(event, back))
        try:
            timed_out = await _held(doing, call, limit, back)
        finally:
            stop()
    if call.deserted:
        doing.ends_talk = True
        return
    doing.notes.append(
        "(the hold timed out: the caller is back)" if timed_out else "(the caller is back)"
    )
    step = wanted.get("timeout_step" if timed_out else "step")
    if step:
        try:
            doing.agent.mind.go_to(step=str(step))
        except CallError as error:
            doing.warn(f"hold: {error}")


async def _held(doing: Doing, call: CallSession, limit: float, back: asyncio.Event) -> bool:
    """True where it timed out. Raises CallError where there is no hold."""
    music = doing.desk.rules.hold_music
    keys: dict[str, Any] = {"timeout": MOST + 60}
    if music:
        keys["music"] = [music]
    outcome = await doing.perform({"hold": keys})
    if call.hold is None:
        raise CallError(outcome.detail or "the caller cannot be put on hold")
    left = asyncio.ensure_future(call.left(call.caller))
    waiting = asyncio.ensure_future(back.wait())
    try:
        done, _ = await asyncio.wait(
            {left, waiting}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
        )
        return not done
    finally:
        left.cancel()
        waiting.cancel()
        if call.hold is not None and not call.deserted:
            await doing.perform("resume")


def _watch(event: Event, back: asyncio.Event) -> None:
    if isinstance(event, HoldChanged) and not event.held:
        back.set()


def _limit(value: Any) -> float:
    try:
        found = seconds(value)
    except CallError:
        return USUAL
    return found if 0 <= found <= MOST else USUAL
