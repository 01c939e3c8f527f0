"""A worker: one process, one conversation, from Ready to its last event."""

import asyncio
import signal
from contextlib import suppress
from functools import partial

import structlog

from sipagent.call.control import CallControl
from sipagent.call.identity import swml_call_id
from sipagent.call.leg import REPLACES_HEADER, Leg
from sipagent.call.policy import Policy
from sipagent.call.session import CallSession
from sipagent.config import Settings
from sipagent.errors import LegFailed
from sipagent.events import CallStarted, Warned
from sipagent.legs.bridge import PjBridge
from sipagent.legs.dialer import SipDialer
from sipagent.legs.messages import SipMessenger
from sipagent.legs.pjsip import Endpoint, Terms
from sipagent.legs.rings import library
from sipagent.providers.mcp.servers import CallServers
from sipagent.providers.sms import HttpSms
from sipagent.providers.web.client import HttpWeb
from sipagent.providers.web.guard import Guard
from sipagent.store.vault import Files
from sipagent.tasks import Background
from sipagent.verbs.handing import Referee

from .about import be_about
from .beginning import keep_beginning
from .browsers import BrowserDialer
from .commands import Steered
from .course import Course
from .dialing import TrunkDialer
from .doors import Doors
from .extensions import PhoneDialer
from .far_room import FarRoom
from .home import Address, Home
from .house import Stock, furnish, load_stock
from .lifeline import Lifeline
from .offspring import outlive_the_parent
from .outgoing import answered, dialled, entry, stillborn
from .places import ServerPlaces
from .protocol import (
    Assign,
    Assignment,
    HangUp,
    Heard,
    Ping,
    Pong,
    Quit,
    Texted,
)
from .texting import Texter
from .tidying import tidy
from .visiting import visit
from .walking import walk
from .watchdog import MediaWatchdog

log = structlog.get_logger(__name__)

#: filled in the zygote; every fork finds it here
_stock: list[Stock] = []
#: the bridge: its ports are called by the media thread until the process is no more
_kept: list[PjBridge] = []
#: texts for a call that has not begun
_TEXTS = 16
#: a worker in a call that stands still for so long is ended by the kernel, seconds; while there is
#: a gateway, that notices before
_STUCK, _ALIVE = 60, 10.0


def preload(settings: Settings) -> None:
    """What every worker shares: models and tools, loaded once, before the first fork."""
    _stock.append(load_stock(settings))
    library()  # its warning, too, once


def run(token: str, home: Home, settings: Settings) -> int:
    """Be the worker `token`; returns the exit code."""

    async def work() -> int:
        return await _Worker(token, home, settings).run()

    return asyncio.run(work())


class _Worker:
    def __init__(self, token: str, home: Home, settings: Settings) -> None:
        self._home = home
        self._token = token
        self._settings = settings
        self._endpoint = Endpoint(
            settings,
            token=token,
            public_address=_address(settings.sip.public_address),
            internal_address=home.edge,
        )
        self._assignment: asyncio.Future[Assignment | None] = asyncio.Future()
        self._leg: asyncio.Future[Leg] = asyncio.Future()
        self._texts: asyncio.Queue[Texted] = asyncio.Queue(_TEXTS)
        self._ended_by_us: asyncio.Future[str] = asyncio.Future()
        self._referee: Referee | None = None
        self._beside = Background()

    async def run(self) -> int:
        self._endpoint.on_incoming = self._arrived
        self._endpoint.prepare()
        patience = self._settings.limits.orphan_seconds
        line = Lifeline(self._home, self._token, self._endpoint.address, patience=patience)
        await line.connect()
        doors = Doors.at(line)
        listening = asyncio.create_task(self._listen(line, doors))
        # while nobody waits for it
        bridge = PjBridge(self._endpoint, library())
        _kept.append(bridge)
        assignment = await self._assignment
        if assignment is not None:
            be_about(assignment)
            # Not before: its clock would wake every idle worker fifty times a second.
            bridge.start()
            self._endpoint.open(_terms(assignment))
            doors.browsers.open(self._settings, assignment.caller, assignment.media_address)
            leg = await self._first_leg(assignment, bridge, line, doors)
            if leg is not None:
                line.claimed()
                await self._converse(assignment, leg, bridge, line, doors)
        await line.part(listening)
        return 0

    async def _converse(
        self,
        assignment: Assignment,
        leg: Leg,
        bridge: PjBridge,
        line: Lifeline,
        doors: Doors,
    ) -> None:
        told = assignment.plan
        plan = _stock[0].shelf.plan(told.document, told.name, told.file)
        web = HttpWeb(self._settings.web)
        mcp = CallServers(self._settings, Guard(self._settings.web.allow).addresses)
        mcp.ring(use for agent in plan.agents.values() for use in agent.mcp_servers)
        services = furnish(
            self._settings,
            plan,
            _stock[0],
            BrowserDialer(self._dialer(assignment), doors.browsers),
            texts=self._texter(),
            meetings=doors.meetings,
            memory=doors.memory,
            others=doors.others,
            web=web,
            mcp=mcp,
            places=ServerPlaces(self._settings, assignment.account, leg.info.remote),
            rate=bridge.rate,
            bundle=assignment.bundle,
        )
        # Before the session, whose first words are about the caller's leg.
        line.happened(_began(assignment, plan.name, bridge.clock.t))
        outset = assignment.outset
        program, section = entry(outset, plan.program) if outset else (plan.program, "main")
        call = CallSession(
            assignment.call_id,
            leg,
            bridge,
            services,
            line.happened,
            program=program,
            variables={
                "call": _told(assignment, leg),
                "envs": dict(self._settings.envs),
                "vars": dict(outset.variables) if outset else {},
            },
        )
        web.tell = call.emit
        files = Files.of(self._settings.store)
        call.spawn(keep_beginning(assignment, services.privacy.redact, files))
        doors.browsers.follow(call)
        call.spawn(self._watchdog(call, leg, assignment).run())
        call.spawn(tidy())
        call.spawn(self._read_texts(call))
        steered = self._steered(call, assignment, plan.policy, section)
        doors.meetings.far = partial(FarRoom, call)
        doors.commands.open(steered)
        try:
            limit = self._settings.limits.call_seconds
            await walk(call, steered.course, doors.commands, self._ended_by_us, limit=limit)
        finally:
            await asyncio.gather(web.close(), mcp.close())

    def _watchdog(self, call: CallSession, leg: Leg, assignment: Assignment) -> MediaWatchdog:
        return MediaWatchdog(
            self._endpoint,
            lambda leg, why: call.emit(Warned, code="no_inbound_rtp", detail=f"{leg}: {why}"),
            caller=leg,
            source=assignment.source,
            public=assignment.media_address or self._settings.rtp.public_address,
        )

    def _steered(
        self, call: CallSession, assignment: Assignment, policy: Policy, section: str
    ) -> Steered:
        """The call with the course it begins with, and who may do what to it."""
        policies = [policy, *self._settings.policies]
        self._referee = Referee(call, policies)
        call.referee = self._referee.refer
        outside = [*policies, *self._settings.api_policies]
        course = Course(CallControl(call, policies, by="dialplan"), section)
        if assignment.outset is not None:
            # the plan's own policy says whom the call may be put through to, not who is called
            operators = [*self._settings.policies, *self._settings.api_policies]
            course.before = partial(answered, call, assignment.outset, operators)
        if assignment.visit is not None:
            course.before = partial(visit, call, assignment.visit)
        return Steered(call, course, outside)

    def _dialer(self, assignment: Assignment) -> PhoneDialer:
        trunks = TrunkDialer(
            SipDialer(self._endpoint),
            self._settings.trunks,
            assignment.headers,
            srtp=self._settings.media.srtp,
        )
        phones = {name: phone.dtmf for name, phone in self._settings.phones.items()}
        return PhoneDialer(trunks, phones, self._settings.sip.public_address or "")

    def _texter(self) -> Texter:
        settings, gateway = self._settings, self._settings.messages.gateway
        return Texter(
            SipMessenger(self._endpoint),
            settings.trunks,
            public_address=settings.sip.public_address or "",
            extensions=frozenset(settings.phones),
            gateway=HttpSms(gateway) if gateway is not None else None,
        )

    async def _read_texts(self, call: CallSession) -> None:
        while True:
            texted = await self._texts.get()
            call.wrote(texted.text, texted.sender)

    async def _first_leg(
        self, assignment: Assignment, bridge: PjBridge, line: Lifeline, doors: Doors
    ) -> Leg | None:
        """The caller's leg, or that of whom we call; None where nothing comes of it."""
        if assignment.browser is not None:
            page = await doors.browsers.arrived(assignment.browser, assignment.callee)
            if page is not None:
                self._leg.set_result(page)
            return page
        if assignment.outset is None:
            return await self._caller()
        try:
            dialer = BrowserDialer(self._dialer(assignment), doors.browsers)
            leg = await dialled(dialer, assignment.outset)
        except LegFailed as error:
            line.claimed()
            for event in stillborn(assignment, error, bridge.clock.t):
                line.happened(event)
            return None
        self._leg.set_result(leg)
        return leg

    async def _caller(self) -> Leg | None:
        """The assigned call's leg, or None when it does not come: the gateway kills us then."""
        waiting: set[asyncio.Future[Leg] | asyncio.Future[str]] = {self._leg, self._ended_by_us}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return self._leg.result() if self._leg.done() else None

    def _arrived(self, leg: Leg) -> None:
        if not self._leg.done():
            self._leg.set_result(leg)
            return
        # A worker has one caller; further INVITEs (a fork that spiralled) are not for it, but for
        # one that the edge found to want the place of a leg.
        wanted = leg.info.headers.get(REPLACES_HEADER)
        if wanted is not None and self._referee is not None:
            work = self._referee.replace(leg, wanted)
        else:
            work = _refuse(leg)
        self._beside.start(work)

    async def _listen(self, line: Lifeline, doors: Doors) -> None:
        async for message in line.messages():
            match message:
                case Ping():
                    line.send(Pong(n=message.n))
                case Assign():
                    outlive_the_parent()
                    _show_life()
                    self._assignment.set_result(message.assignment)
                case Texted() if not self._texts.full():
                    self._texts.put_nowait(message)
                case HangUp():
                    self._end(message.reason)
                case Quit():
                    self._end("the server is going down")
                case Texted() | Heard():
                    pass
                case _:
                    doors.told(message)
        self._end("the gateway is gone")

    def _end(self, reason: str) -> None:
        if not self._assignment.done():
            self._assignment.set_result(None)
        if not self._ended_by_us.done():
            self._ended_by_us.set_result(reason)


def _show_life() -> None:
    """Put off the alarm that ends a process whose loop stands still, gateway or not."""
    signal.alarm(_STUCK)
    asyncio.get_running_loop().call_later(_ALIVE, _show_life)


async def _refuse(leg: Leg) -> None:
    with suppress(LegFailed):
        await leg.hangup(486)


def _began(assignment: Assignment, plan: str, t: int) -> CallStarted:
    return CallStarted(
        call_id=assignment.call_id,
        t=t,
        direction=assignment.direction,
        caller=assignment.caller,
        callee=assignment.callee,
        plan=plan,
        why=assignment.why,
        sip_call_id=assignment.sip_call_id,
        swml_id=swml_call_id(assignment.call_id),
        traceparent=assignment.traceparent,
        traced_by=assignment.traced_by,
    )


def _told(assignment: Assignment, leg: Leg) -> dict[str, object]:
    """The `call` object of SWML expressions."""
    return {
        "call_id": swml_call_id(assignment.call_id),
        "id": assignment.call_id,
        "from": assignment.caller,
        "to": assignment.callee,
        "direction": assignment.direction,
        "type": "sip" if assignment.browser is None else "webrtc",
        "headers": dict(assignment.headers) or dict(leg.info.headers),
        "sip_call_id": assignment.sip_call_id,
    }


def _terms(assignment: Assignment) -> Terms:
    sip = assignment.sip_address
    return Terms(
        srtp=assignment.srtp,
        codecs=assignment.codecs,
        dtmf=assignment.dtmf,
        sip_address=None if sip is None else _address(sip),
        media_address=assignment.media_address,
    )


def _address(text: str | None) -> Address:
    if text is None:
        raise ValueError("the gateway sets its addresses before it starts a worker")
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
