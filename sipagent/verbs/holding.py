"""Hold and resume: the caller apart from everybody, with music."""

import asyncio
from contextlib import suppress
from typing import ClassVar

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.hold import Hold
from sipagent.call.leg import LegState
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import LegFailed
from sipagent.events import HoldChanged, Warned
from sipagent.tasks import stopped

from .blocks import Urls
from .playing import MUSIC, play_music
from .waiting import answered


class HoldVerb(Verb):
    """Put the caller on hold: they hear music, and neither hear you nor are heard. Say nothing
    until you have taken them back with resume.
    """

    name: ClassVar[str] = "hold"
    shorthand: ClassVar[str | None] = "timeout"
    is_tool: ClassVar[bool] = True
    after_speech: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("timeout",)
    tool_extras: ClassVar[tuple[str, ...]] = ("music", "signalled")
    timeout: float = Field(
        default=300, gt=0, le=3600, description="seconds until they are taken back at the latest"
    )
    music: Urls = Field(default=MUSIC, description="played over and over; default: soft music")
    signalled: bool = Field(
        default=False, description="tell the caller's phone, too (re-INVITE, a=sendonly)"
    )

    async def run(self, control: CallControl) -> Outcome:
        """Begin to hold, or hold on with another music and time."""
        call = control.call
        await answered(call)
        signalled = self.signalled or (call.hold is not None and call.hold.signalled)
        if self.signalled:
            await call.caller.hold()
        await begin_hold(call, self.music, self.timeout, signalled=signalled)
        return Outcome(detail=f"the caller is on hold for {self.timeout:g} seconds at most")


class ResumeVerb(Verb):
    """Take the caller back from hold."""

    name: ClassVar[str] = "resume"
    is_tool: ClassVar[bool] = True

    async def run(self, control: CallControl) -> Outcome:
        """Resume; nothing where the caller is not on hold."""
        await end_hold(control.call)
        return Outcome(detail="the caller is back")


async def begin_hold(
    call: CallSession, music: tuple[str, ...], seconds: float, *, signalled: bool = False
) -> None:
    """Part the caller from everybody, with music, for so long at most. A hold that lasts already
    is this one from now on, its timer gone.
    """
    before = call.hold
    port = call.bridge.open_port("music")
    tasks = (call.spawn(play_music(call, port, music)), call.spawn(_taken_back(call, seconds)))
    call.hold = Hold(port, signalled, tasks)
    call.room.part(call.caller)
    call.room.whisper(port, call.caller)
    if before is None:
        call.emit(HoldChanged, held=True, signalled=signalled)
    else:
        await _put_away(call, before)


async def end_hold(call: CallSession) -> None:
    """Take the caller back; nothing where no verb holds them. Raises LegFailed where their phone
    refuses the new offer: they are back all the same.
    """
    hold, call.hold = call.hold, None
    if hold is None:
        return
    try:
        if hold.signalled and call.caller.state is LegState.CONFIRMED:
            await call.caller.resume()
    finally:
        call.room.reunite(call.caller)
        await _put_away(call, hold)
        call.emit(HoldChanged, held=False, signalled=hold.signalled)


async def _taken_back(call: CallSession, seconds: float) -> None:
    await asyncio.sleep(seconds)
    call.emit(Warned, code="hold_timeout", detail=f"taken back after {seconds:g} s")
    with suppress(LegFailed):
        await end_hold(call)


async def _put_away(call: CallSession, hold: Hold) -> None:
    call.room.stop_whisper(hold.music)
    call.bridge.close_port(hold.music)
    await stopped(*(task for task in hold.tasks if task is not asyncio.current_task()))


HOLDING: tuple[type[Verb], ...] = (HoldVerb, ResumeVerb)
