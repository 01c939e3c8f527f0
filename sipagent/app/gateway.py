"""Gateway: the composition root of the server process."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import structlog

from sipagent.call.meeting import Notice
from sipagent.config import Settings
from sipagent.dialplan.repository import Plans
from sipagent.edge.front import Edge
from sipagent.edge.routing import route_address
from sipagent.edge.tls import BadCertificate
from sipagent.meeting.desk import Before, MeetingDesk
from sipagent.meeting.keeper import MixerKeeper
from sipagent.store.records import Store
from sipagent.store.tolls import TollBook
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.protocol import Asked, HangUp, Left, Meeting, Reported, Told
from sipagent.worker.supervisor import Supervisor

from .ban_file import BanFile
from .ledger import Ledger
from .reception import Reception, Where
from .toll_keeping import TollKeeper
from .tolls import Tolls
from .trunk_file import TrunkFile
from .whereabouts import Whereabouts

log = structlog.get_logger(__name__)


class Gateway:
    """Edge, workers and records of one server. An async context manager: inside, it serves."""

    def __init__(self, settings: Settings, plans: Plans) -> None:
        zone = ZoneInfo(settings.time_zone)
        self._settings = settings
        self.whereabouts = Whereabouts(settings)
        self.plans = plans
        self.store = Store(settings.store.database, settings.store.bundles / "events.jsonl")
        self.ledger = Ledger(self.store, personal=settings.log.personal)
        self._now: Callable[[], datetime] = lambda: datetime.now(zone)
        self.tolls = Tolls(
            settings.guard.toll, settings.toll_policy, self._now, trunks=settings.trunks
        )
        self.ledger.listeners.append(self.tolls.happened)
        book = TollBook(settings.store.database)
        self._toll_keeper = TollKeeper(self.tolls, book, self._end_call)
        self.reception = Reception(
            plans,
            self.ledger,
            bundles=settings.store.bundles,
            now=self._now,
            tolls=self.tolls,
            srtp={n: trunk.srtp for n, trunk in settings.trunks.items() if trunk.srtp},
            codecs={n: trunk.codecs for n, trunk in settings.trunks.items()},
            dtmf={
                name: peer.dtmf
                for peers in (settings.trunks, settings.phones)
                for name, peer in peers.items()
                if peer.dtmf
            },
            where=self._where,
            extensions=settings.phones if settings.registrar.internal_calls else (),
        )
        self.edge = Edge(settings, self.reception)
        self.workers: Supervisor | None = None
        self.meetings: MeetingDesk | None = None
        self._trunk_file = TrunkFile(settings.store.bundles)
        self._ban_file = BanFile(
            settings.store.bundles, self.edge.doorman.bans, self.edge.bans_changed
        )
        self._run_dir: Path | None = None

    async def __aenter__(self) -> Self:
        """Start; nothing is left behind when a part cannot. Raises SipAgentError, OSError."""
        try:
            await self._start()
        except BaseException:
            await self._close()
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
        """Read dialplans and certificates again; what does not pass leaves the old in force.

        Trunks are looked up and registered anew.
        """
        try:
            self.edge.reload_certificates()
        except BadCertificate as error:
            log.error("certificates_not_reloaded", cause=str(error))
        findings = self.plans.reload()
        for finding in findings:
            log.warning("plan_finding", finding=str(finding))
        log.info("dialplans_reloaded", plans=len(self.plans.plans), findings=len(findings))
        self.edge.trunks.register_now()

    async def drain(self) -> None:
        """No new calls, no registrations; wait for the live ones, then end them."""
        self.reception.workers = None
        log.info("draining", calls=self.ledger.live, seconds=self._settings.limits.drain_seconds)
        await self.edge.trunks.leave()
        if self.workers is not None:
            await self.workers.drain(self._settings.limits.drain_seconds)

    async def _start(self) -> None:
        await self.store.open()
        await self._toll_keeper.start(self._now().date())
        await self._ban_file.start()
        await self.whereabouts.find()
        await self.edge.start(self.whereabouts.sip)
        self._run_dir = Path(tempfile.mkdtemp(prefix="sipagent-"))
        self.meetings = MeetingDesk(
            MixerKeeper(self._run_dir / "mixer.sock"),
            self._settings.queues,
            self._settings.parking,
        )
        self.workers = Supervisor(
            self._addressed(),
            run_dir=self._run_dir,
            on_ready=self._ready,
            on_event=lambda worker, event: self.ledger.happened(event),
            on_gone=self._gone,
            on_meeting=self._meeting,
        )
        await self.workers.start()
        self.reception.workers = self.workers
        self.edge.trunks.start()
        self.whereabouts.watch(self._moved)
        self._trunk_file.start(lambda: self.edge.trunks.statuses)
        log.info("serving", sip=host_port(self.edge.public_address), plans=len(self.plans.plans))

    def _addressed(self) -> Settings:
        """The settings as workers need them: with the addresses the edge really has."""
        sip = self._settings.sip.model_copy(
            update={
                "public_address": host_port(self.edge.public_address),
                "internal_address": host_port(self.edge.internal_address),
            }
        )
        rtp = self._settings.rtp
        if self.whereabouts.rtp is not None:
            rtp = rtp.model_copy(update={"public_address": self.whereabouts.rtp})
        elif rtp.public_address == "auto":
            rtp = rtp.model_copy(update={"public_address": route_address(rtp.host)})
        return self._settings.model_copy(update={"sip": sip, "rtp": rtp})

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

    def _gone(self, worker: WorkerHandle, why: str) -> None:
        self.reception.left(worker.token)
        if self.meetings is not None:
            self.meetings.gone(worker.token)
        self.edge.worker_gone(worker.token)
        if worker.assignment is not None:
            self.ledger.gone(worker.assignment.call_id, why, crashed=not worker.orderly)

    def _meeting(self, worker: WorkerHandle, message: Meeting) -> None:
        assert self.meetings is not None
        match message:
            case Asked():

                def tell(notice: Notice) -> None:
                    worker.send(Told(place=message.place, notice=notice))

                before = Before(message.seconds, message.room) if message.again else None
                self.meetings.asked(worker.token, message.place, message.wish, tell, before=before)
            case Reported():
                self.meetings.reported(worker.token, message.place, message.answered)
            case Left():
                self.meetings.left(worker.token, message.place)

    def _end_call(self, call_id: str, why: str) -> None:
        for worker in self.workers.handles if self.workers is not None else ():
            if worker.assignment is not None and worker.assignment.call_id == call_id:
                worker.send(HangUp(reason=why))

    async def _close(self) -> None:
        self.reception.workers = None
        if self.workers is not None:
            await self.workers.close()
        if self.meetings is not None:
            await self.meetings.close()
        await self.whereabouts.close()
        await self._trunk_file.close()
        await self.ledger.close()
        await self.edge.close()
        await self._ban_file.close()
        await self._toll_keeper.close()
        await self.store.close()
        if self._run_dir is not None:
            shutil.rmtree(self._run_dir, ignore_errors=True)


def host_port(address: tuple[str, int]) -> str:
    """`127.0.0.1:5060`, `[::1]:5060`."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"
