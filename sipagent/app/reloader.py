"""Reloader: one reload at a time, and what came of the last one."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from sipagent.dialplan.repository import Plans
from sipagent.edge.front import Edge
from sipagent.edge.tls import BadCertificate
from sipagent.errors import ConfigError
from sipagent.tasks import stopped
from sipagent.worker.spawner import WorkersFailed

from .reload_report import ReloadReport, write_report
from .state import State

log = structlog.get_logger(__name__)


class Reloader:
    """`take` reads the settings and has them taken; it may raise ConfigError for what is wrong
    with them, WorkersFailed and OSError. Certificates, plans and registrations follow.
    """

    def __init__(
        self, take: Callable[[], Awaitable[ReloadReport]], edge: Edge, plans: Plans, state: State
    ) -> None:
        self._take = take
        self._edge = edge
        self._plans = plans
        self._state = state
        self._work: asyncio.Task[ReloadReport] | None = None

    def begin(self) -> None:
        """In the background; while one is under way it is the one."""
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._reload())
        else:
            log.warning("reload_under_way")

    async def done(self) -> ReloadReport:
        """The same, waited for; one that is under way may have read the files before they changed,
        so that another follows. It goes on where whoever waits does not.
        """
        while self._work is not None and not self._work.done():
            await asyncio.wait({self._work})
        self.begin()
        assert self._work is not None
        return await asyncio.shield(self._work)

    async def close(self) -> None:
        """Leave off. Idempotent."""
        await stopped(self._work)

    async def _reload(self) -> ReloadReport:
        report = ReloadReport()
        try:
            report = await self._take()
            self._edge.reload_certificates()
        except ConfigError as error:
            for finding in error.findings:
                log.error("settings_finding", finding=str(finding))
            log.error("settings_not_reloaded", findings=len(error.findings))
            report = ReloadReport(problem="; ".join(map(str, error.findings)))
        except (BadCertificate, WorkersFailed, OSError) as error:
            log.error("settings_not_reloaded", cause=str(error))
            report = ReloadReport(problem=str(error))
        self._look_at_plans()
        self._edge.trunks.register_now()
        write_report(self._state.folder, report)
        return report

    def _look_at_plans(self) -> None:
        findings = self._plans.reload()
        for finding in findings:
            log.warning("plan_finding", finding=str(finding))
        log.info("dialplans_reloaded", plans=len(self._plans.plans), findings=len(findings))
