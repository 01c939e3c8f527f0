"""Visiting: a call that comes from another node, to meet calls of this one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome
from sipagent.verbs.meeting import teller
from sipagent.verbs.playing import sound_port
from sipagent.verbs.waiting import CallerGone, answered, while_caller_stays

from .protocol import Visit


async def visit(call: CallSession, told: Visit) -> Outcome:
    """Be in the room until the far end hangs up, or there is no room any more."""
    place, _, name = told.hall.partition(":")
    tell = teller(call, place, name)  # type: ignore[arg-type]
    await answered(call)
    tell(change="met", other=told.meet.other)
    with suppress(CallerGone):
        await while_caller_stays(call, _stay(call, told, lambda what: tell(change=what)))
    tell(change="over")
    return Outcome(detail="the room was left")


async def _stay(call: CallSession, told: Visit, on_change: Callable[[str], None]) -> None:
    async with (
        sound_port(call, "room") as port,
        call.services.meetings.link(port, told.meet, on_change) as link,
    ):
        await asyncio.wait({link.lost})
