"""Operations: `System` of this server: what it runs, and having it read its files again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from sipagent import __version__
from sipagent.api.calls import NoRoomNow
from sipagent.api.operating import (
    Bounds,
    Checked,
    Contact,
    Dialplan,
    Dialplans,
    Draining,
    Phone,
    PlanGraph,
    Reloaded,
    Status,
    UnknownPlan,
    Uploads,
    Workers,
    found,
)
from sipagent.config import Settings
from sipagent.dialplan.graph import Place, graph
from sipagent.dialplan.model import Plan
from sipagent.dialplan.repository import Plans
from sipagent.dialplan.routes import in_words
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.edge.front import Edge
from sipagent.edge.registrar import Registration
from sipagent.edge.trunks.status import TrunkStatus
from sipagent.errors import ConfigError, Finding
from sipagent.providers.registry import LANGUAGE_MODELS
from sipagent.sources import KeyPath, parse, read
from sipagent.worker.tally import Stats

from .reception import Reception
from .reload_report import ReloadReport
from .uploading import Uploading

log = structlog.get_logger(__name__)

#: what a document that is checked is called in its findings
_DOCUMENT = "document"


class Operations:
    """`settings` are those in force; `why_not_ready` is empty while calls are taken."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        edge: Edge,
        plans: Plans,
        *,
        workers: Callable[[], Stats | None],
        reload: Callable[[], Awaitable[ReloadReport]],
        why_not_ready: Callable[[], str],
        reception: Reception,
        uploads: Callable[[], Uploading | None],
    ) -> None:
        self._settings = settings
        self._edge = edge
        self._plans = plans
        self._workers = workers
        self._reload = reload
        self._why_not_ready = why_not_ready
        self._reception = reception
        self._uploads = uploads
        self._started = datetime.now(UTC)
        self._checking = False
        #: who changes their mind waits until trunks have been told of the first
        self._emptying = asyncio.Lock()

    def status(self) -> Status:
        """See `System`."""
        limits, stats = self._settings().limits, self._workers()
        host, port = self._edge.public_address
        return Status(
            version=__version__,
            started=self._started,
            uptime_seconds=round((datetime.now(UTC) - self._started).total_seconds(), 3),
            why_not_ready=self._why_not_ready(),
            draining=self._reception.draining,
            sip=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            calls=stats.calls if stats is not None else 0,
            workers=Workers(
                processes=stats.processes if stats is not None else 0,
                idle=stats.idle if stats is not None else 0,
                counts=stats.counts if stats is not None else {},
            ),
            limits=Bounds(**{name: getattr(limits, name) for name in Bounds.model_fields}),
            bans=len(self._edge.doorman.bans),
            dialplans=len(self._plans.plans),
            uploads=_uploads(self._uploads()),
        )

    def trunks(self) -> Sequence[TrunkStatus]:
        """See `System`."""
        return self._edge.trunks.statuses

    def phones(self) -> Sequence[Phone]:
        """See `System`."""
        where: dict[str, list[Contact]] = {}
        for binding in self._edge.bindings:
            where.setdefault(binding.extension, []).append(_contact(binding))
        return [
            Phone(
                extension=extension,
                display_name=phone.display_name,
                contacts=tuple(where.get(extension, ())),
            )
            for extension, phone in self._settings().phones.items()
        ]

    def dialplans(self) -> Dialplans:
        """See `System`."""
        of: dict[str, list[Finding]] = {}
        for finding in self._plans.findings:
            of.setdefault(finding.file, []).append(finding)
        known = [_dialplan(plan, of.pop(plan.file, [])) for plan in self._plans.plans]
        broken = [_broken(file, of.pop(file)) for file in list(of) if Path(file).is_file()]
        rest = [finding for findings in of.values() for finding in findings]
        return Dialplans(dialplans=(*known, *broken), findings=found(rest))

    async def check(self, document: str) -> Checked:
        """See `System`."""
        if self._checking:
            raise NoRoomNow("another document is being checked")
        self._checking = True
        try:
            return await asyncio.to_thread(self._checked, document)
        finally:
            self._checking = False

    async def graph(self, name: str) -> PlanGraph:
        """See `System`."""
        plan = next((plan for plan in self._plans.plans if plan.name == name), None)
        if plan is None:
            raise UnknownPlan(name)
        place = await asyncio.to_thread(_place, plan)
        drawn = graph(plan, place, Vocabulary.of(self._settings(), LANGUAGE_MODELS))
        findings = [f for f in self._plans.findings if f.file == plan.file]
        return PlanGraph(nodes=drawn.nodes, edges=drawn.edges, findings=found(findings))

    def draining(self) -> Draining:
        """See `System`."""
        return Draining(draining=self._reception.draining, calls=self._calls)

    async def drain(self) -> Draining:
        """See `System`."""
        async with self._emptying:
            if not self._reception.draining:
                self._reception.draining = True
                log.info("draining", calls=self._calls)
                await self._edge.trunks.leave()
        return self.draining()

    async def undrain(self) -> Draining:
        """See `System`."""
        async with self._emptying:
            if self._reception.draining:
                self._reception.draining = False
                log.info("taking_calls_again", calls=self._calls)
                self._edge.trunks.start()
        return self.draining()

    @property
    def _calls(self) -> int:
        stats = self._workers()
        return stats.calls if stats is not None else 0

    async def reload(self) -> Reloaded:
        """See `System`."""
        report = await self._reload()
        findings = self._plans.findings
        return Reloaded(
            ok=not report.problem and all(f.severity == "warning" for f in findings),
            at=report.at,
            changed=report.changed,
            waiting=report.waiting,
            problem=report.problem,
            findings=found(findings),
        )

    def _checked(self, document: str) -> Checked:
        try:
            plan, findings = self._plans.check(parse(document, _DOCUMENT))
        except ConfigError as error:
            return Checked(ok=False, findings=found(error.findings))
        told = found(findings)
        if plan is None:
            return Checked(ok=False, findings=told)
        routes = tuple(map(in_words, plan.routes))
        return Checked(ok=True, name=plan.name, routes=routes, findings=told)


def _uploads(seen: Uploading | None) -> Uploads | None:
    if seen is None:
        return None
    return Uploads(waiting=seen.waiting, sent=seen.sent, failed=seen.failed, error=seen.error)


def _contact(binding: Registration) -> Contact:
    host, port = binding.source
    return Contact(
        contact=binding.contact,
        source=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        transport=binding.transport,
        seconds=binding.seconds,
        agent=binding.agent,
    )


def _dialplan(plan: Plan, findings: Sequence[Finding]) -> Dialplan:
    return Dialplan(
        name=plan.name,
        file=plan.file,
        in_force=True,
        routes=tuple(map(in_words, plan.routes)),
        sections=tuple(plan.program),
        agents=tuple(plan.agents),
        findings=found(findings),
    )


def _broken(file: str, findings: Sequence[Finding]) -> Dialplan:
    """A file no plan could be made of."""
    return Dialplan(name=Path(file).stem, file=file, in_force=False, findings=found(findings))


def _place(plan: Plan) -> Place:
    """In which lines a plan's keys stand, while its file still says what is in force."""
    try:
        source = read(Path(plan.file))
    except ConfigError:
        return _nowhere
    if source.data != plan.document:
        return _nowhere
    return lambda path: source.place(path)[0]


def _nowhere(path: KeyPath) -> int:
    return 0
