"""Patient: what checks look at: the settings, the plans, and the server where one runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sipagent.app.plans import read_plans
from sipagent.app.state import read_pid
from sipagent.app.trunk_file import read_report
from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.edge.trunks.status import TrunkStatus
from sipagent.errors import ConfigError
from sipagent.errors import Finding as Remark

from .aside import aside
from .interviews import Interviews, interviewing


@dataclass(frozen=True, slots=True)
class Patient:
    """`plans` are the sound ones, `remarks` what there is to say of all their files. `pid` is the
    server that runs on these settings, `trunks` how it sees them. `number` is whom `--call` calls.
    """

    settings: Settings
    interviews: Interviews
    plans: tuple[Plan, ...] = ()
    remarks: tuple[Remark, ...] = ()
    pid: int | None = None
    trunks: Mapping[str, TrunkStatus] = field(default_factory=dict)
    number: str = ""


@asynccontextmanager
async def admitted(settings: Settings, *, number: str = "") -> AsyncIterator[Patient]:
    """A patient, for as long as the block runs."""
    plans, remarks = await aside(lambda: _read(settings))
    report = read_report(settings.store.bundles)
    seen = report.trunks if report is not None and report.current else ()
    async with interviewing(settings) as interviews:
        yield Patient(
            settings,
            interviews,
            plans,
            remarks,
            read_pid(settings.state_folder),
            {status.name: status for status in seen},
            number,
        )


def _read(settings: Settings) -> tuple[tuple[Plan, ...], tuple[Remark, ...]]:
    try:
        plans, remarks = read_plans(settings)
    except ConfigError as error:  # tools that cannot be loaded
        return (), error.findings
    return tuple(plans.plans), tuple(remarks)
