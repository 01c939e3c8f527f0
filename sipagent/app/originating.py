"""Originating: calls that somebody outside wants made: judged, bounded, given to a worker."""

from collections.abc import Callable

from sipagent.api.calls import Denied, NoRoomNow, NotUnderstood, Origination, Principal
from sipagent.call.policy import strictest
from sipagent.call.target import normalise
from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.dialplan.repository import Plans
from sipagent.edge.desk import Refused
from sipagent.errors import CallError
from sipagent.verbs.outside import OriginateVerb
from sipagent.worker.protocol import Outset, PlanText

from .pace import Pace
from .reception import Reception


class Originator:
    """Deny by default: only `api.policy.destinations` can be called, and of these what the
    server's policy and toll rules allow.
    """

    def __init__(
        self, settings: Callable[[], Settings], plans: Plans, reception: Reception
    ) -> None:
        self._settings = settings
        self._plans = plans
        self._reception = reception
        self._pace = Pace()

    async def call(self, wish: Origination, who: Principal, *, document: str = "") -> str:
        """The id of the call, which a worker has. With `document`, a URL or a document as JSON,
        that runs in place of the plan's own sections. Raises NotUnderstood, Denied, NoRoomNow.
        """
        plan = self._plan(wish)
        self._judge(wish, who)
        rate = self._settings().limits.calls_per_second
        if not self._pace.allows(rate):
            raise NoRoomNow(f"at most {rate:g} new calls a second (limits.calls_per_second)")
        written = dict(plan.document)
        if document:
            written["sections"] = {"main": [{"transfer": {"dest": document}}]}
            written.pop("swml", None)
        text = PlanText(name=plan.name, file=plan.file, document=written)
        outset = Outset(
            by=who.by, origin=who.origin, **wish.model_dump(exclude={"plan"}, mode="python")
        )
        try:
            return await self._reception.call_out(text, outset)
        except Refused as error:
            raise NoRoomNow("no worker is free, or the server goes up or down") from error

    def _plan(self, wish: Origination) -> Plan:
        known = {plan.name: plan for plan in self._plans.plans}
        if wish.plan:
            plan = known.get(wish.plan)
        else:
            plan = next(iter(known.values())) if len(known) == 1 else None
        if plan is None:
            raise NotUnderstood(f"name one of the plans: {', '.join(sorted(known))}", "plan")
        if wish.agent and wish.agent not in plan.agents:
            agents = ", ".join(sorted(plan.agents)) or "none"
            raise NotUnderstood(f"the agents of {plan.name} are {agents}", "agent")
        if not wish.agent and wish.section not in plan.program:
            sections = ", ".join(sorted(plan.program))
            raise NotUnderstood(f"the sections of {plan.name} are {sections}", "section")
        return plan

    def _judge(self, wish: Origination, who: Principal) -> None:
        settings = self._settings()
        if not settings.api_policies:
            raise Denied("nobody can be called out to: set api.policy.destinations")
        if who.verbs is not None and OriginateVerb.name not in who.verbs:
            raise Denied("originate is not permitted here")
        verb = OriginateVerb(to=wish.to, timeout=wish.timeout)
        policies = [*settings.policies, *settings.api_policies]
        phones = frozenset(settings.phones)
        try:
            normalise(wish.to, phones)
            decision = strictest(
                policies, verb, who.by, done={}, now=self._reception.terms.now(), extensions=phones
            )
        except CallError as error:
            raise NotUnderstood(str(error), "to") from error
        if not decision.allowed:
            raise Denied(decision.reason)
