"""Reception: which plan and which worker take a new call; the edge's Desk."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from sipagent.call.dial import DtmfMode, Srtp
from sipagent.call.redaction.rules import Rule, redacted
from sipagent.config import Codec
from sipagent.config.tracing import Tracing
from sipagent.dialplan.repository import Plans
from sipagent.edge.desk import Admitted, Leaving, NewCall, NewText, Refused, Rung
from sipagent.events import MessageReceived
from sipagent.worker.browsing import BrowserCall
from sipagent.worker.channel import ChannelError
from sipagent.worker.handle import WorkerHandle, WorkerState
from sipagent.worker.pool import NoRoom
from sipagent.worker.protocol import Assignment, HangUp, Outset, PlanText, Texted, Visit
from sipagent.worker.supervisor import Supervisor

from .extensions import plan_between
from .ledger import Ledger
from .tolls import Tolls
from .tracing.context import context_of

log = structlog.get_logger(__name__)

_RETRY_AFTER = 5
#: the plan of a call that comes from another node: it goes to its room, and nothing follows
_VISIT = (
    PlanText(name="meeting", file="", document={"version": "1.0.0", "sections": {"main": []}}),
    "it comes from another node, to meet calls here",
)


@dataclass(frozen=True, slots=True)
class Where:
    """Our public addresses for a call: `host:port` of SIP, host of media; None: as the settings."""

    sip: str | None = None
    rtp: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of calls to come. `srtp` and `codecs` are by trunk, `dtmf` by trunk
    and phone, where they are not as for all; `extensions` are phones that may call each other
    where no plan takes the number.
    """

    bundles: Path
    now: Callable[[], datetime]
    srtp: Mapping[str, Srtp]
    codecs: Mapping[str, tuple[Codec, ...]]
    dtmf: Mapping[str, DtmfMode]
    extensions: Collection[str] = ()
    #: for texts beside any call; in a call its worker sees to that
    redact: tuple[Rule, ...] = ()
    #: None: nobody traces them
    tracing: Tracing | None = None


class Rooms(Protocol):
    """Numbers that are given to other nodes, each for one call."""

    def good(self, number: str) -> bool:
        """Would it let somebody in?"""
        ...

    def redeem(self, number: str) -> Visit | None:
        """Where its caller goes; that uses it up. None for any other number."""
        ...


class NoRooms:
    """One server alone gives none out."""

    def good(self, number: str) -> bool:
        """See `Rooms`."""
        return False

    def redeem(self, number: str) -> Visit | None:
        """See `Rooms`."""
        return None


class Reception:
    """Admits or refuses; never queues."""

    def __init__(
        self,
        plans: Plans,
        ledger: Ledger,
        terms: Terms,
        tolls: Tolls,
        where: Callable[[], Where] = Where,
    ) -> None:
        self._plans = plans
        self._ledger = ledger
        #: a reload puts others in their place
        self.terms = terms
        self._where = where
        #: numbers by which calls of other nodes come, and where they meet ours
        self.rooms: Rooms = NoRooms()
        #: where workers come from; None before they are up and while the server goes down
        self.workers: Supervisor | None = None
        #: no new call, by somebody's wish; those that live go on
        self.draining = False
        self._taken: dict[str, WorkerHandle] = {}
        #: who each of them talks to, where that was proved
        self._accounts: dict[str, str | None] = {}
        self._tolls = tolls
        #: who pays for what a worker's call costs, by token
        self._payers: dict[str, str] = {}

    async def admit(self, call: NewCall) -> Admitted:
        """Choose plan and worker. Raises Refused: 401 for a number only a phone may call, 404 no
        plan, 503 no room.
        """
        assignment = self._assigned(call)
        payer = self._tolls.payer(call.account, call.caller, call.source[0])
        worker = await self._give(assignment, payer)
        assert worker.address is not None
        return Admitted(worker.token, worker.address)

    def closed(self) -> Refused | None:
        """See `Desk`."""
        if self.workers is None or self.draining or self.workers.full:
            return Refused(503, "Service Unavailable", _RETRY_AFTER)
        return None

    async def admit_page(self, number: str, origin: str, page: BrowserCall) -> WorkerHandle:
        """The worker for a call from a web page, which is nobody's phone and nobody's trunk.

        Raises Refused: 404 no plan, 503 no room.
        """
        caller = f"web:{page.name}"
        call = NewCall("", caller, number, number, (origin, 0), "webrtc")
        try:
            assignment = self._assigned(call)
        except Refused as error:
            if error.status == 401:
                raise Refused(404, "Not Found") from error
            raise
        return await self._give(assignment.model_copy(update={"browser": page}), caller)

    def _assigned(self, call: NewCall) -> Assignment:
        """Raises Refused."""
        visit = self.rooms.redeem(call.number)
        # a conference that is held here goes on meanwhile, and others may still join it
        if self.workers is None or (self.draining and visit is None):
            raise Refused(503, "Service Unavailable", _RETRY_AFTER)
        now = self.terms.now()
        plan, why = _VISIT if visit is not None else self._plan_for(call, now)
        where = self._where()
        call_id = _call_id(now)
        return Assignment(
            call_id=call_id,
            plan=plan,
            visit=visit,
            caller=call.caller,
            callee=call.callee,
            headers=call.headers,
            sip_call_id=call.sip_call_id,
            source=call.source[0],
            account=call.account,
            srtp=self.terms.srtp.get(call.account) if call.account else None,
            codecs=self.terms.codecs.get(call.account, ()) if call.account else (),
            dtmf=self.terms.dtmf.get(call.account) if call.account else None,
            sip_address=where.sip,
            media_address=where.rtp,
            bundle=self.terms.bundles / call_id,
            why=why,
            **context_of(self.terms.tracing, call_id, call.account, call.headers),
        )

    def expects(self, number: str) -> bool:
        """See `Desk`: calls of other nodes, on their way to a room here."""
        return self.rooms.good(number)

    async def call_out(self, plan: PlanText, outset: Outset) -> str:
        """Have a worker call somebody; the id of the call. Raises Refused: 503 no room."""
        now, where = self.terms.now(), self._where()
        call_id = _call_id(now)
        assignment = Assignment(
            call_id=call_id,
            plan=plan,
            direction="outbound",
            caller=outset.caller_id or "",
            callee=outset.to,
            sip_address=where.sip,
            media_address=where.rtp,
            bundle=self.terms.bundles / call_id,
            why=f"originated by {outset.by}",
            outset=outset,
            **context_of(self.terms.tracing, call_id),
        )
        await self._give(assignment, outset.by)
        return call_id

    async def _give(self, assignment: Assignment, payer: str) -> WorkerHandle:
        """A worker that has the call. Raises Refused."""
        if self.workers is None or (self.draining and assignment.visit is None):
            raise Refused(503, "Service Unavailable", _RETRY_AFTER)
        # Opened first: the worker's events may be here before `take` returns.
        self._ledger.open(assignment.call_id, assignment.sip_call_id, assignment.bundle)
        try:
            worker = await self.workers.take(assignment)
        except (NoRoom, ChannelError) as error:
            self._ledger.discard(assignment.call_id)
            log.warning("no_worker", cause=str(error))
            raise Refused(503, "Service Unavailable", _RETRY_AFTER) from error
        self._taken[worker.token] = worker
        self._accounts[worker.token] = assignment.account
        self._payers[worker.token] = payer
        return worker

    def _plan_for(self, call: NewCall, now: datetime) -> tuple[PlanText, str]:
        chosen = self._plans.choose(call.number, call.caller, call.headers, now, call.account)
        if chosen is not None:
            plan, why = chosen
            return PlanText(name=plan.name, file=plan.file, document=dict(plan.document)), why
        built_in = plan_between(call, self.terms.extensions)
        if built_in is not None:
            return built_in, f"{call.account} calls the phone {call.number}"
        log.info("no_plan", number=call.number, source=call.source[0])
        raise Refused(404, "Not Found")

    async def text(self, text: NewText) -> int:
        """Into the sender's live call (200), else on record for a number of the plans (202).

        Raises Refused: 404 for a number no plan has.
        """
        worker = next((w for t, w in self._taken.items() if self._talks_to(t, w, text)), None)
        if worker is not None:
            worker.send(Texted(sender=text.caller, text=text.text))
            return 200
        if self._plans.choose(text.number, text.caller, {}, self.terms.now(), text.account) is None:
            raise Refused(404, "Not Found")
        kept = redacted(text.text, self.terms.redact)
        self._ledger.noted(
            MessageReceived(call_id="", sender=text.caller, to=text.callee, text=kept)
        )
        return 202

    def _talks_to(self, token: str, worker: WorkerHandle, text: NewText) -> bool:
        """Is that worker's caller who wrote? By what was proved; a guest by name and address."""
        call = worker.assignment
        if call is None or call.caller != text.caller or self._accounts[token] != text.account:
            return False
        return text.account is not None or call.source == text.source[0]

    def leaves(self, call: Leaving) -> None:
        """A call by a trunk begins. Raises Refused (403)."""
        worker = self._taken.get(call.token)
        call_id = worker.assignment.call_id if worker and worker.assignment else ""
        self._tolls.leaves(call, call_id, self._payers.get(call.token, ""))

    def abandoned(self, token: str) -> None:
        """No call comes of the INVITE: a worker that has not got it need not wait for it."""
        worker = self._taken.get(token)
        if worker is not None and worker.state is WorkerState.ASSIGNED:
            worker.send(HangUp(reason="the caller gave up"))

    def resumed(self, worker: WorkerHandle) -> None:
        """It has a call of the gateway before us."""
        self._taken[worker.token] = worker
        if (call := worker.assignment) is not None:
            self._accounts[worker.token] = call.account
            payer = self._tolls.payer(call.account, call.caller, call.source)
            if call.browser is not None:
                payer = call.caller
            self._payers[worker.token] = call.outset.by if call.outset is not None else payer

    def left(self, token: str) -> None:
        """The worker is gone."""
        self._taken.pop(token, None)
        self._accounts.pop(token, None)
        self._payers.pop(token, None)

    def saw(self, rung: Rung) -> None:
        """A rung of some call's ladder."""
        self._ledger.saw(rung)


def _call_id(now: datetime) -> str:
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}"
