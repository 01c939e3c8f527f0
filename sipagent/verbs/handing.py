"""What far ends do to the conversation themselves: REFER and Replaces, held to policy."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from pydantic import ConfigDict, SkipValidation

from sipagent.call.control import CallControl
from sipagent.call.leg import Leg, LegState, Referral
from sipagent.call.policy import Policy
from sipagent.call.session import CallSession
from sipagent.call.target import BadTarget
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, LegFailed

from .playing import ringing
from .ringing import Callee, Hunt
from .routing import RINGBACK, names
from .waiting import drop, while_caller_stays
from .words import REASONS

#: seconds a party asked for by REFER may ring
RINGING_SECONDS = 60.0
#: seconds a far end that gave its place away may take to hang up (RFC 5589 section 6.1)
PARTING_SECONDS = 3.0


class ReferredVerb(Verb):
    """Call whom a party asks for, who then has the place of that party (RFC 3515)."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    name: ClassVar[str] = "referred_to"
    to: str
    #: True where `to` is another conversation of this server, with its own policy
    ours: bool = False
    replaces: str = ""
    referred_by: str = ""
    leg: SkipValidation[Leg]

    @property
    def targets(self) -> tuple[str, ...]:
        """Who would be called."""
        return () if self.ours else (self.to,)

    async def run(self, control: CallControl) -> Outcome:
        """Dial, report, and let them have the place."""
        call, leg = control.call, self.leg
        await _report(leg, 100, "Trying")
        status, reason = 487, "Request Terminated"
        try:
            async with Hunt(call, control.may_redirect) as hunt:
                new = await self._reached(call, hunt)
                hunt.keep(new)
            call.stand_in(new, leg)
            status, reason = 200, "OK"
        except CallError as error:
            status, reason = error.status, REASONS.get(error.status, "Failed")
            raise
        finally:
            await _report(leg, status, reason, final=True)
        call.spawn(_part(call, leg))
        return Outcome(detail=f"{self._name} has their place", status=200)

    @property
    def _name(self) -> str:
        return "another call" if self.ours else names((self.to,))

    async def _reached(self, call: CallSession, hunt: Hunt) -> Leg:
        """Somebody who answered. Raises NobodyAnswered, CallerGone."""
        headers = {"Referred-By": self.referred_by or f"<{self.leg.info.remote}>"}
        if self.replaces:
            headers["Replaces"] = self.replaces
        callee = Callee(self.to, RINGING_SECONDS, headers=headers)
        if self.leg is call.caller:
            return (await hunt.in_turn([[callee]]))[0]
        async with ringing(call, RINGBACK) as hunt.ringback:
            return (await while_caller_stays(call, hunt.in_turn([[callee]])))[0]


class ReplacedVerb(Verb):
    """Let whoever called have the place of a party (RFC 3891)."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    name: ClassVar[str] = "replaced"
    new: SkipValidation[Leg]
    old: SkipValidation[Leg]

    async def run(self, control: CallControl) -> Outcome:
        """Answer the one and hang up the other."""
        call = control.call
        call.adopt(self.new, "callee")
        await self.new.answer()
        call.stand_in(self.new, self.old)
        await drop(call, self.old)
        return Outcome(detail=f"{names((self.new.info.remote,))} has their place", status=200)


async def _report(leg: Leg, status: int, reason: str, *, final: bool = False) -> None:
    # a far end that has hung up already does not want to know
    with suppress(LegFailed):
        await leg.report(status, reason, final=final)


async def _part(call: CallSession, leg: Leg) -> None:
    """The far end hangs up once it knows; one that does not is hung up on."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PARTING_SECONDS):
            await leg.wait(LegState.DISCONNECTED)
    await drop(call, leg)


class Referee:
    """Decides for one call. Every party is its own principal: `caller` or `callee`."""

    def __init__(self, call: CallSession, policies: Sequence[Policy]) -> None:
        self._call = call
        self._policies = policies

    def refer(self, leg: Leg, asked: Referral) -> int:
        """The status a REFER gets; the call it asks for begins behind it."""
        call, places = self._call, self._call.services.places
        if call.handing(leg):
            return 491
        try:
            ours = bool(asked.replaces) and places.is_ours(asked.target)
            verb = ReferredVerb(
                to=asked.target if ours else places.read(asked.target),
                ours=ours,
                replaces=asked.replaces,
                referred_by=asked.referred_by,
                leg=leg,
            )
        except BadTarget:
            return 416
        control = self._control(leg)
        decision = control.judge(verb)
        if not decision.allowed:
            return 403
        call.hand_over(leg, control.do(verb, decision))
        return 202

    async def replace(self, new: Leg, sip_call_id: str) -> None:
        """An INVITE that wants the place of the leg with this Call-ID."""
        call = self._call
        old = next((leg for leg in call.legs if leg.info.sip_call_id == sip_call_id), None)
        if old is None or old.state is LegState.DISCONNECTED or call.now(old) is not old:
            await new.hangup(481)
            return
        outcome = await self._control(old).do(ReplacedVerb(new=new, old=old))
        if not outcome.ok and new.state is not LegState.DISCONNECTED:
            await new.hangup(outcome.status or 500)

    def _control(self, leg: Leg) -> CallControl:
        """A party's hands on the call: only what every policy leaves to it."""
        role = "caller" if leg is self._call.caller else "callee"
        may = all(role in policy.referrals for policy in self._policies)
        verbs = frozenset({ReferredVerb.name, ReplacedVerb.name}) if may else frozenset()
        return CallControl(self._call, self._policies, role, verbs)
