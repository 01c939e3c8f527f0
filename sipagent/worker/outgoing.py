"""Outgoing: a call that begins with us, from the INVITE to the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.call.control import CallControl
from sipagent.call.dial import Dial, Dialer
from sipagent.call.leg import Leg
from sipagent.call.policy import Policy
from sipagent.call.session import CallSession
from sipagent.call.step import Program, Step
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import LegFailed
from sipagent.events import CallEnded, CallStarted, Event, OutsideAsked
from sipagent.verbs.converse import AiVerb
from sipagent.verbs.detecting import DetectMachineVerb
from sipagent.verbs.outside import OriginateVerb
from sipagent.verbs.signalling import HangupVerb
from sipagent.verbs.transferring import TransferVerb

from .protocol import Assignment, Outset

#: the section such a call begins in where it does not begin in one of the plan's
_ENTRY = "originated"


async def dialled(dialer: Dialer, outset: Outset) -> Leg:
    """The leg, whose INVITE has been sent. Raises LegFailed."""
    return await dialer.dial(Dial(outset.to, outset.caller_id, outset.headers))


def stillborn(assignment: Assignment, error: LegFailed, t: int) -> tuple[Event, ...]:
    """All there is on record of a call whose INVITE could not even be sent."""
    call_id = assignment.call_id
    started = CallStarted(
        call_id=call_id,
        t=t,
        direction=assignment.direction,
        caller=assignment.caller,
        callee=assignment.callee,
        plan=assignment.plan.name,
        why=assignment.why,
        traceparent=assignment.traceparent,
    )
    ended = CallEnded(call_id=call_id, t=t, status=error.status, reason=str(error), by="system")
    return started, ended


def entry(outset: Outset, program: Program) -> tuple[Program, str]:
    """The program with what such a call begins with, and the section that is."""
    steps: list[Step] = []
    if outset.detect_machine:
        steps.append(_step(DetectMachineVerb, {}))
    if outset.agent:
        steps += [_step(AiVerb, {"agent": outset.agent}), _step(HangupVerb, {})]
    if not steps:
        return program, outset.section
    if not outset.agent:
        steps.append(_step(TransferVerb, {"dest": outset.section}))
    return {**program, _ENTRY: tuple(steps)}, _ENTRY


async def answered(call: CallSession, outset: Outset, policies: Sequence[Policy]) -> Outcome:
    """Wait for the answer, in the name of whoever wanted the call."""
    call.emit(
        OutsideAsked,
        by=outset.by,
        origin=outset.origin,
        verb="originate",
        arguments={"to": outset.to, "variables": dict(outset.variables)},
    )
    hands = CallControl(call, policies, outset.by)
    return await hands.do(OriginateVerb(to=outset.to, timeout=outset.timeout))


def _step(verb: type[Verb], arguments: Mapping[str, Any]) -> Step:
    return Step(verb, arguments, verb.model_validate(arguments))
