"""Verbs on the caller's own leg: answer, hangup, send_digits."""

import asyncio
from contextlib import suppress
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sipagent.call import reasons
from sipagent.call.control import CallControl
from sipagent.call.leg import LegState
from sipagent.call.session import CallSession
from sipagent.call.verb import End, Outcome, Verb
from sipagent.errors import LegFailed
from sipagent.events import Warned

from .blocks import IGNORED
from .waiting import answered

_REASON_STATUS = {"hangup": 603, "busy": 486, "decline": 603}
#: what the far end is told beside it (RFC 3326)
_TOLD = {"hangup": reasons.NORMAL, "busy": reasons.BUSY, "decline": reasons.DECLINED}


class AnswerVerb(Verb):
    """Answer the caller."""

    name: ClassVar[str] = "answer"
    max_duration: int = Field(default=14_400, ge=1, description="seconds until the call is ended")
    codecs: Annotated[str | None, IGNORED] = None
    username: Annotated[str | None, IGNORED] = None
    password: Annotated[str | None, IGNORED] = None

    async def run(self, control: CallControl) -> Outcome:
        """200 OK, and a clock that ends the call; the newest counts."""
        call = control.call
        await answered(call)
        call.spawn(_limited(call, self.max_duration), instead_of="max_duration")
        return Outcome(status=200)


async def _limited(call: CallSession, seconds: float) -> None:
    await asyncio.sleep(seconds)
    call.emit(Warned, code="max_duration", detail=f"the call was ended after {seconds:g} s")
    call.hung_up_by = "system"
    with suppress(LegFailed):
        await call.caller.hangup(reason=str(reasons.ENDED))


#: principals as `CallEnded.by` names them
_HUNG_UP_BY = {"model": "agent", "dialplan": "plan"}


class HangupVerb(Verb):
    """End the call."""

    name: ClassVar[str] = "hangup"
    shorthand: ClassVar[str | None] = "reason"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()
    tool_extras: ClassVar[tuple[str, ...]] = ("reason",)
    after_speech: ClassVar[bool] = True
    reason: Literal["hangup", "busy", "decline"] = Field(
        default="hangup", description="what a caller not yet answered gets: busy 486, else 603"
    )
    status: int | None = Field(
        default=None, ge=400, le=699, description="that caller's SIP status, in place of `reason`"
    )

    async def run(self, control: CallControl) -> Outcome:
        """BYE, or a refusal where nothing was answered."""
        status = self.status or _REASON_STATUS[self.reason]
        await hang_up(control, status, _TOLD[self.reason])
        return Outcome(detail="the call was ended", flow=End(), ends_talk=True)


async def hang_up(
    control: CallControl, status: int = 603, reason: reasons.Reason = reasons.NORMAL
) -> None:
    """End the caller's leg; a caller who has left already did so by themselves."""
    caller = control.call.caller
    if caller.state is not LegState.DISCONNECTED:
        control.call.hung_up_by = _HUNG_UP_BY.get(control.by, "system")
    await caller.hangup(status, str(reason))


class SendDigitsVerb(Verb):
    """Press keys towards the caller."""

    name: ClassVar[str] = "send_digits"
    shorthand: ClassVar[str | None] = "digits"
    is_tool: ClassVar[bool] = True
    digits: str = Field(
        pattern=r"^[0-9*#A-DwW]{1,64}$",
        description="keys 0-9 * # A-D; w waits half a second, W a whole one",
    )

    async def run(self, control: CallControl) -> Outcome:
        """Send them as RFC 4733 events."""
        await control.call.caller.send_digits(self.digits)
        return Outcome(detail="the keys were pressed")


SIGNALLING: tuple[type[Verb], ...] = (
    AnswerVerb,
    HangupVerb,
    SendDigitsVerb,
)
