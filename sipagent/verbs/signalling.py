"""Verbs on the caller's own leg: answer, hangup, send_digits, sip_refer."""

import asyncio
from contextlib import suppress
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sipagent.call import reasons
from sipagent.call.control import CallControl
from sipagent.call.leg import LegState
from sipagent.call.session import CallSession
from sipagent.call.target import normalise
from sipagent.call.verb import End, Outcome, Verb
from sipagent.errors import LegFailed
from sipagent.events import Warned

from .blocks import IGNORED
from .flow import remember
from .waiting import answered
from .words import failure, who

_REASON_STATUS = {"hangup": 603, "busy": 486, "decline": 603}
#: what the far end is told beside it (RFC 3326)
_TOLD = {"hangup": reasons.NORMAL, "busy": reasons.BUSY, "decline": reasons.DECLINED}
REFER_TIMEOUT = 60.0


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
        await _hang_up(control, status, _TOLD[self.reason])
        return Outcome(detail="the call was ended", flow=End(), ends_talk=True)


async def _hang_up(
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


class SipReferVerb(Verb):
    """Ask the caller's side to call someone else itself (REFER)."""

    name: ClassVar[str] = "sip_refer"
    shorthand: ClassVar[str | None] = "to_uri"
    after_speech: ClassVar[bool] = True
    to_uri: str = Field(description="SIP URI or number")
    status_url: Annotated[str | None, IGNORED] = None
    username: Annotated[str | None, IGNORED] = None
    password: Annotated[str | None, IGNORED] = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom the caller would be sent to."""
        return (self.to_uri,)

    async def run(self, control: CallControl) -> Outcome:
        """REFER and wait for what the far end reports."""
        outcome = await refer(control, self.to_uri, REFER_TIMEOUT)
        remember(
            control.call,
            sip_refer_to=self.to_uri,
            sip_refer_result="success" if outcome.ok else "failed",
            sip_refer_response_code=outcome.status,
        )
        return outcome


async def refer(control: CallControl, target: str, timeout: float) -> Outcome:
    """Blind transfer (RFC 5589 section 6.1): REFER, and BYE once the target has answered."""
    known = normalise(target)
    reported = await control.call.caller.refer(known, timeout=timeout)
    if not reported.ok:
        wrong = LegFailed(reported.status, reported.reason)
        return Outcome(False, failure(wrong, known), status=reported.status)
    await _hang_up(control)
    return Outcome(
        detail=f"the caller was transferred to {who(known)}",
        status=reported.status,
        flow=End(),
        ends_talk=True,
    )


SIGNALLING: tuple[type[Verb], ...] = (
    AnswerVerb,
    HangupVerb,
    SendDigitsVerb,
    SipReferVerb,
)
