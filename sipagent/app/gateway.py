"""Gateway: the composition root of the server process."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from sipagent.api.relay import RelayDoor
from sipagent.config import Settings
from sipagent.dialplan.repository import Plans
from sipagent.edge.front import Edge
from sipagent.edge.memory import Memory
from sipagent.edge.routing import route_address
from sipagent.edge.sharing import book_of
from sipagent.events import Event
from sipagent.log import configure
from sipagent.store.records import Store
from sipagent.store.tolls import TollBook
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.home import Home
from sipagent.worker.protocol import (
    Asked,
    Commanded,
    Left,
    Reach,
    Recall,
    Remember,
    Reported,
    Request,
)
from sipagent.worker.spawner import Program
from sipagent.worker.supervisor import Supervisor

from .ban_file import BanFile
from .browsers import BrowserDesk
from .callers import memory_book
from .heart import Heart
from .hooks import Webhooks
from .hooks.report import report_file, report_of
from .http_door import HttpDoor
from .keeping import keeping_of
from .ledger import Ledger
from .live import Live
from .meetings import Meetings
from .memory_desk import MemoryDesk
from .node import Inside, node_of
from .observing import Observers
from .operations import Operations
from .originating import Originator
from .packing import Packer
from .phones import bound, phones_of
from .plans import house_of
from .reception import Reception, Where
from .records import Book
from .reload_report import ReloadReport
from .reloader import Reloader
from .reloading import changes, merged
from .state import State
from .switchboard import Switchboard
from .terms import terms_of
from .toll_keeping import TollKeeper
from .tolls import Tolls
from .trunk_file import TrunkFile
from .uploads import Uploads
from .whereabouts import Whereabouts, host_port

log = structlog.get_logger(__name__)


class Gateway:
    """Edge, workers and records of one server. An async context manager: inside, it serves."""

    def __init__(
        self,
        settings: Settings,
        plans: Plans,
        *,
        read_settings: Callable[[], Settings] | None = None,
        program: Program | None = None,
    ) -> None:
        """`read_settings` reads them again, if it can be done; `program` is what workers run."""
        self._settings = settings
        self._program = program
        self.whereabouts = Whereabouts(settings)
        self._read_settings = read_settings
        self.plans = plans
        self.store = Store(settings.store.database, settings.store.bundles / "events.jsonl")
        self._state = State(settings.state_folder)
        self.uploads = Uploads(settings)
        self.ledger = Ledger(
            self.store,
            personal=settings.log.personal,
            journal=self._state.journal,
            files=self.uploads.files,
        )
        self.ledger.whole.append(self.uploads.recorded)
        terms = terms_of(settings)
        self.tolls = Tolls(
            settings.guard.toll, settings.toll_policy, terms.now, trunks=settings.trunks
        )
        self.hooks = Webhooks(
            settings.webhooks,
            settings.state_folder / "webhooks",
            plan_of=self.ledger.plan_of,
            tell=self.ledger.noted,
        )
        self.ledger.listeners += [self.hooks.happened, self.tolls.happened]
        self.ledger.on_record = self.hooks.recorded
        self.reception = Reception(plans, self.ledger, terms, self.tolls, self._where)
        self.edge = Edge(settings, self.reception, book=book_of(settings))
        self.workers: Supervisor | None = None
        originator = Originator(lambda: self._settings, plans, self.reception)
        self.live = Live(
            self.ledger,
            self.store,
            lambda: self._settings.store.bundles,
            lambda: self.workers.handles if self.workers is not None else (),
            originator,
        )
        self.observers = Observers(
            settings,
            self.ledger,
            self.edge,
            self.store,
            workers=lambda: self.workers,
            why_not_ready=self._why_not_ready,
            uploads=lambda: self.uploads.seen,
            cluster=lambda: self.node.seen,
        )
        self._switchboard = Switchboard(self.live, originator)
        self._reloader = Reloader(self._take_settings, self.edge, plans, self._state)
        operations = Operations(
            lambda: self._settings,
            self.edge,
            plans,
            workers=lambda: self.workers.stats if self.workers is not None else None,
            reload=self._reloader.done,
            why_not_ready=self._why_not_ready,
            reception=self.reception,
            uploads=lambda: self.uploads.seen if self.uploads.places is not None else None,
        )
        packer = Packer(self.ledger, self.live, lambda: self._settings.privacy)
        inside = Inside(operations, self.live, packer, self.store, self.edge)
        self.node = node_of(settings, inside, lambda: self._state.secret)
        self.reception.rooms = self.node.passes
        self._browsers = BrowserDesk(lambda: self._settings, self.reception)
        phones = phones_of(settings, self._state.journal, self._browsers)
        toll_book = TollBook(settings.store.database, settings.node)
        self._toll_keeper = tolls = TollKeeper(self.tolls, toll_book, self.live.hang_up)
        self.keeping = keeping_of(
            lambda: self._settings, self._state, self.live, self.hooks, tolls,
            uploads=self.uploads, node=self.node,
        )  # fmt: skip
        self.http = HttpDoor(
            settings,
            self.node.calls,
            self._why_not_ready,
            records=Book(self.store, self.live, self.ledger.files),
            system=operations,
            metrics=self.observers.metrics.exposed,
            phones=phones,
            packer=self.node.packer,
            receivers=self.hooks,
            nodes=self.node.nodes,
            drains=self.node.drains,
            keeping=self.keeping,
        )
        self.relay = RelayDoor(settings.relay, self.live, terms.now)
        self.meetings: Meetings | None = None
        self._memory = MemoryDesk(lambda: memory_book(settings, self._state.secret))
        self._trunk_file = TrunkFile(settings.store.bundles)
        self._hooks_file = report_file(settings.store.bundles)
        self._ban_file = BanFile(
            settings.store.bundles, self.edge.doorman.bans, self.edge.bans_changed
        )
        self._heart = Heart(self._state)
        self._home: Home

    async def __aenter__(self) -> Self:
        """Start; nothing of ours is left behind when a part cannot, but calls of a gateway before
        us go on. Raises SipAgentError, OSError.
        """
        try:
            await self._start()
        except BaseException:
            await self.leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    def reload(self) -> None:
        """Read settings, dialplans and certificates again; what does not pass leaves the old in
        force, and live calls keep what they have. It goes on in the background.
        """
        self._reloader.begin()

    async def _take_settings(self) -> ReloadReport:
        """Raises ConfigError for what is wrong with them, WorkersFailed, OSError."""
        if self._read_settings is None:
            return ReloadReport()
        read = await asyncio.to_thread(self._read_settings)
        new, waiting = merged(self._settings, read)
        for key in waiting:
            log.warning("needs_a_restart", key=key, hint="sipagent restart keeps live calls")
        changed = sorted(changes(self._settings, new))
        self.http.check(new.api)
        self.hooks.check(new.webhooks)
        # models and tools may have changed in their files, too
        house = await asyncio.to_thread(house_of, new)
        if self.workers is not None:
            await self.workers.reload(self._addressed(new))
        self.plans.look_in(new.dialplans, lambda: house)
        self._settings = new
        configure(new.log, node=new.node)
        self.ledger.personal = new.log.personal
        self.reception.terms = terms_of(new)
        self.http.reload(new.api)
        self.relay.reload(new.relay)
        await self.hooks.reload(new.webhooks)
        self.tolls.reload(new.guard.toll, new.toll_policy, new.trunks)
        self.edge.reload(new)
        log.info("settings_reloaded", changed=changed, waiting=list(waiting))
        return ReloadReport(changed=tuple(changed), waiting=waiting)

    async def drain(self) -> None:
        """No new calls, no registrations; wait for the live ones, then end them."""
        self.reception.workers = None
        log.info("draining", calls=self.ledger.live, seconds=self._settings.limits.drain_seconds)
        await self.edge.trunks.leave()
        if self.workers is not None:
            await self.workers.drain(self._settings.limits.drain_seconds)

    async def leave(self) -> None:
        """End everything but calls, which go on for the gateway that comes next. Idempotent."""
        await self.http.close()
        await self.relay.close()
        if self.workers is not None:
            self.reception.workers = None
            await self.workers.leave()
        if self.meetings is not None:
            await self.meetings.leave()
        await self._close()

    async def _start(self) -> None:
        state = self._state
        state.open()
        memory = Memory(state.journal, state.secret, state.port)
        await self.store.open()
        await self.hooks.start()
        self.observers.start()
        self.uploads.start()
        await self.ledger.restore(state.last_alive)
        await self._toll_keeper.start(self.reception.terms.now().date())
        await self._ban_file.start()
        await self.whereabouts.find()
        await self.edge.start(self.whereabouts.sip, memory)
        self._home = Home(state.folder, self.edge.internal_address, state.secret)
        self.meetings = Meetings(self._settings, self.node)
        self.workers = Supervisor(
            self._addressed(self._settings),
            home=self._home,
            on_ready=self._ready,
            on_event=self._happened,
            on_gone=self._gone,
            on_request=self._request,
            journal=state.journal,
            program=self._program,
        )
        await self.workers.start()
        handles = self.workers.handles
        self.ledger.close_lost({h.assignment.call_id for h in handles if h.assignment is not None})
        self._heart.start()
        self.reception.workers = self.workers
        self.node.start()
        self.edge.trunks.start()
        self.whereabouts.watch(self._moved)
        self._trunk_file.start(lambda: self.edge.trunks.statuses)
        self._hooks_file.start(report_of(self.hooks.views))
        self.keeping.start()
        await self.http.start()
        await self.relay.start()
        log.info("serving", sip=host_port(self.edge.public_address), plans=len(self.plans.plans))

    def _addressed(self, settings: Settings) -> Settings:
        """The settings as workers need them: with the addresses the edge really has."""
        public = host_port(self.edge.public_address)
        sip = settings.sip.model_copy(update={"public_address": public})
        rtp = settings.rtp
        if self.whereabouts.rtp is not None:
            rtp = rtp.model_copy(update={"public_address": self.whereabouts.rtp})
        elif rtp.public_address == "auto":
            rtp = rtp.model_copy(update={"public_address": route_address(rtp.host)})
        webrtc = bound(settings.webrtc, rtp.host)
        return settings.model_copy(update={"sip": sip, "rtp": rtp, "webrtc": webrtc})

    def _where(self) -> Where:
        """Where the next call is to say that we are, if not where its worker was told at first."""
        found = self.whereabouts
        sip = host_port(self.edge.public_address) if found.sip is not None else None
        return Where(sip, found.rtp)

    def _moved(self) -> None:
        if self.whereabouts.sip not in (None, self.edge.public_address[0]):
            self.edge.moved(self.whereabouts.sip)

    def _ready(self, worker: WorkerHandle) -> None:
        assert worker.address is not None
        self.edge.worker_ready(worker.token, worker.address)
        if worker.assignment is not None:
            self.reception.resumed(worker)
            self._browsers.resumed(worker)

    def _happened(self, worker: WorkerHandle, event: Event) -> None:
        self.ledger.happened(event)

    def _gone(self, worker: WorkerHandle, why: str) -> None:
        self.reception.left(worker.token)
        self.live.gone(worker.token)
        self._browsers.gone(worker)
        if self.meetings is not None:
            self.meetings.gone(worker)
        self.ledger.last_words(self._home.last_words(worker.token))
        self.edge.worker_gone(worker.token, too_slow=not worker.claimed, orderly=worker.orderly)
        if worker.assignment is not None:
            self.ledger.gone(worker.assignment.call_id, why, crashed=not worker.orderly)

    def _request(self, worker: WorkerHandle, message: Request) -> None:
        assert self.meetings is not None
        match message:
            case Recall() | Remember():
                self._memory.asked(worker, message)
            case Reach():
                self._switchboard.asked(worker, message)
            case Commanded():
                self.live.commanded(message)
            case Asked() | Reported() | Left():
                self.meetings.said(worker, message)
            case _:
                self._browsers.asked(worker, message)

    def _why_not_ready(self) -> str:
        if self.reception.draining:
            return "draining"
        return "" if self.reception.workers is not None else "the server is going up or down"

    async def _close(self) -> None:
        await self._reloader.close()
        self.reception.workers = None
        await self._switchboard.close()
        self.live.close()
        await self.http.close()
        await self.relay.close()
        if self.workers is not None:
            await self.workers.close()
        if self.meetings is not None:
            await self.meetings.close()
        await self.whereabouts.close()
        await self._heart.close()
        await self._trunk_file.close()
        await self._hooks_file.close()
        await self._memory.close()
        await self.ledger.close()
        await self.uploads.close()
        await self.hooks.close()
        await self.observers.close()
        await self.edge.close()
        await self.node.close()
        await self._ban_file.close()
        await self.keeping.close()
        await self._toll_keeper.close()
        await self.store.close()
        self._state.close()
