"""Verbs that hand the caller to somebody else for good: transfer, sip_refer."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from sipagent.call.control import CallControl
from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession
from sipagent.call.verb import End, Outcome, Verb
from sipagent.call.web import WebFailed
from sipagent.errors import LegFailed, PlanError

from .blocks import IGNORED, Urls
from .consulting import Consultation, consulted
from .documents import Dest, leave_for
from .flow import remember
from .playing import ringing
from .ringing import LONGEST, Callee, Hunt, NobodyAnswered, join, longest, together
from .routing import RINGBACK, Headers, names
from .signalling import hang_up
from .statuses import Status
from .waiting import CallerGone, answered, drop, while_caller_stays
from .words import failure, who

#: seconds a far end has to report how a REFER came out
REFER_TIMEOUT = 60.0
#: seconds to accept a call offered in a consultation
ACCEPT_SECONDS = 20.0


class TransferVerb(Verb):
    """Put the caller through to someone else for good. Failing that, the reason comes back."""

    name: ClassVar[str] = "transfer"
    shorthand: ClassVar[str | None] = "dest"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("to", "brief")
    tool_extras: ClassVar[tuple[str, ...]] = (
        *("mode", "timeout", "ringback", "fallback"),
        *("accept", "refuse", "accept_timeout", "hold_music"),
    )
    after_speech: ClassVar[bool] = True
    raw_keys: ClassVar[frozenset[str]] = frozenset({"dest"})
    dest: Dest | None = None
    params: Mapping[str, Any] = Field(default_factory=dict, description="seen there as params.*")
    meta: Annotated[Mapping[str, Any] | None, IGNORED] = None
    to: str | None = Field(default=None, description="whom to put through to: SIP URI or number")
    mode: Literal["bridge", "refer", "attended", "warm"] | None = Field(
        default=None,
        description="bridge: stay between the two; refer: the caller's side calls itself (REFER); "
        "attended: we call, then the caller's side takes our place (REFER with Replaces); warm: "
        "bridge, once whoever answers has heard `brief` and accepts. Default: warm with a "
        "`brief`, else bridge",
    )
    fallback: Literal["bridge", "none"] | None = Field(
        default=None,
        description="when the caller's side does not take the REFER: bridge all the same, or not. "
        "Default: bridge for attended, none for refer",
    )
    headers: Headers = Field(default_factory=dict, description="SIP headers towards that party")
    timeout: float = Field(default=30, gt=0, le=600, description="seconds of ringing")
    ringback: Urls = Field(default=RINGBACK, description="what the caller hears meanwhile")
    brief: str = Field(
        default="",
        max_length=1000,
        description="said privately to whoever answers, who then accepts the caller or refuses",
    )
    accept: str = Field(default="1", pattern=r"^[0-9*#A-D]+$", description="keys that accept")
    refuse: str = Field(default="2", pattern=r"^[0-9*#A-D]+$", description="keys that refuse")
    accept_timeout: float = Field(
        default=ACCEPT_SECONDS, gt=0, le=120, description="seconds to accept, after the brief"
    )
    hold_music: Urls = Field(
        default=(), description="what the caller hears during the brief; default: the ringback"
    )

    @model_validator(mode="after")
    def _one_form(self) -> "TransferVerb":
        if (self.dest is None) == (self.to is None):
            raise ValueError("needs exactly one of dest (a section or URL) and to (a party)")
        if set(self.accept) & set(self.refuse):
            raise ValueError("a key cannot both accept and refuse")
        if self.brief and self.mode in ("refer", "bridge"):
            raise ValueError(f"mode {self.mode} has nobody to brief; it is for warm and attended")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom the caller would be put through to."""
        return (self.to,) if self.to is not None else ()

    @property
    def question(self) -> str:
        """Asks by name."""
        return f"Shall I put you through to {names(self.targets)}?"

    async def run(self, control: CallControl) -> Outcome:
        """Leave for another section, or hand the caller to another party."""
        call = control.call
        if self.to is None:
            try:
                leave = await leave_for(control, self.dest, self.params)
            except (PlanError, WebFailed) as error:
                remember(call, transfer_result="failed", transfer_failed_reason=str(error))
                return Outcome(False, str(error), status=error.status)
            call.scope["params"] = dict(self.params)
            return Outcome(flow=leave)
        await answered(call)
        try:
            if self.mode == "refer":
                outcome = await self._referred(control, self.to)
            else:
                outcome = await self._put_through(control, self.to)
        except NobodyAnswered as error:
            outcome = Outcome(False, str(error), status=error.status)
        remember(
            call,
            transfer_result="connected" if outcome.ok else "failed",
            transfer_failed_reason="" if outcome.ok else outcome.detail,
        )
        return outcome

    async def _referred(self, control: CallControl, to: str) -> Outcome:
        async with control.call.aside():
            outcome, refused = await refer(control, to, self.timeout)
        if refused and self.fallback == "bridge":
            return await self._put_through(control, to)
        return outcome

    async def _put_through(self, control: CallControl, to: str) -> Outcome:
        call = control.call
        agent_was_there = call.agent is not None
        async with call.aside(), Hunt(call, control.may_redirect) as hunt:
            leg = await while_caller_stays(call, self._reached(call, hunt, to))
            if self.mode == "attended":
                outcome, refused = await refer(control, to, self.timeout, leg)
                if not (refused and self.fallback in (None, "bridge")):
                    return outcome
            join(call, leg)
            talk = call.spawn(together(call, leg, longest(control, LONGEST)))
            hunt.keep(leg)
            call.agent = None
        done = Outcome(detail=f"connected to {names((to,))}", status=200, ends_talk=True)
        if agent_was_there or control.outside:
            return done
        # nobody else holds the call open, so this verb does
        await while_caller_stays(call, _until(talk))
        return replace(done, flow=End())

    async def _reached(self, call: CallSession, hunt: Hunt, to: str) -> Leg:
        """Somebody who has answered, and agreed where they are asked. Raises NobodyAnswered."""
        async with ringing(call, self.ringback) as hunt.ringback:
            leg, _ = await hunt.in_turn([[Callee(to, self.timeout, headers=self.headers)]])
        if self.mode == "warm" or self.brief:
            terms = Consultation(self.brief, self.accept, self.refuse, self.accept_timeout)
            async with ringing(call, self.hold_music or self.ringback):
                await consulted(call, leg, who(to), terms)
        return leg


async def _until(talk: "asyncio.Task[None]") -> None:
    await asyncio.wait({talk})


class SipReferVerb(Verb):
    """Ask the caller's side to call someone else itself (REFER)."""

    name: ClassVar[str] = "sip_refer"
    shorthand: ClassVar[str | None] = "to_uri"
    after_speech: ClassVar[bool] = True
    to_uri: str = Field(description="SIP URI or number")
    status_url: str | None = Field(default=None, description="told how it goes")
    username: Annotated[str | None, IGNORED] = None
    password: Annotated[str | None, IGNORED] = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom the caller would be sent to."""
        return (self.to_uri,)

    async def run(self, control: CallControl) -> Outcome:
        """REFER and wait for what the far end reports."""
        call = control.call
        about = {"control_id": call.posts.number("refer"), "sip_refer_to": self.to_uri}
        told = Status(call, self.status_url, "calling.call.refer", about)
        told.tell(state="inProgress")
        try:
            outcome, refused = await refer(control, self.to_uri, REFER_TIMEOUT)
        except LegFailed as error:
            self._ended(call, "failed", error.status)
            told.tell(state="error", sip_refer_response_code=str(error.status))
            raise
        result = "success" if outcome.ok else "failed"
        self._ended(call, result, outcome.status)
        codes = {"sip_refer_response_code": str(outcome.status if refused else 202)}
        if not refused:
            codes["sip_notify_response_code"] = str(outcome.status)
        told.tell(state=_refer_state(outcome), **codes)
        return outcome

    def _ended(self, call: CallSession, result: str, status: int | None) -> None:
        remember(
            call,
            sip_refer_to=self.to_uri,
            sip_refer_result=result,
            sip_refer_response_code=status,
        )


def _refer_state(outcome: Outcome) -> str:
    if outcome.ok:
        return "success"
    return {486: "busy", 600: "busy", 408: "noAnswer", 480: "noAnswer", 487: "cancel"}.get(
        outcome.status or 0, "error"
    )


async def refer(
    control: CallControl, target: str, timeout: float, instead_of: Leg | None = None
) -> tuple[Outcome, bool]:
    """Blind transfer (RFC 5589 section 6.1), or, where we have a leg to the target already,
    attended (section 7): REFER, and BYE once the target has answered.

    With how it came out: whether the far end did not take the REFER at all. Only then is
    `instead_of` still up. Raises LegFailed.
    """
    call = control.call
    if call.handing(call.caller):
        raise LegFailed(491, "another transfer of this leg is under way")
    # a far end that hangs up before it reports has not left the call without a word
    return await call.hand_over(call.caller, _referred(control, target, timeout, instead_of))


async def _referred(
    control: CallControl, target: str, timeout: float, instead_of: Leg | None
) -> tuple[Outcome, bool]:
    call = control.call
    wanted = instead_of or call.services.places.written(target)
    try:
        reported = await call.caller.refer(wanted, timeout=timeout)
    except LegFailed as error:
        if call.caller.state is LegState.DISCONNECTED:
            # it left before it could be asked: how its leg ended is not how the transfer did
            raise CallerGone from error
        raise
    if reported.refused:
        words = f"{reported.status} {reported.reason}: the caller's side did not transfer"
        return Outcome(False, words, status=reported.status), True
    if reported.ok:
        call.agent = None
        await hang_up(control)
    if instead_of is not None:
        await drop(call, instead_of)
    if not reported.ok:
        words = failure(LegFailed(reported.status, reported.reason), target)
        return Outcome(False, words, status=reported.status), False
    return Outcome(
        detail=f"the caller was transferred to {names((target,))}",
        status=reported.status,
        flow=End(),
        ends_talk=True,
    ), False


TRANSFERRING: tuple[type[Verb], ...] = (TransferVerb, SipReferVerb)
