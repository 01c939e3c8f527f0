"""`sipagent trunks`: how the trunks of the running server are doing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.app.trunk_file import TrunkReport, read_report
from sipagent.config import Settings
from sipagent.edge.trunks.status import Reach, Standing, TrunkStatus
from sipagent.errors import SipAgentError

from .style import ConfigOption, JsonOption, out, settings_from

_COLOURS = {Reach.UP: "green", Reach.DOWN: "red", Reach.UNKNOWN: "yellow"}


def trunks(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Registrations and reachability; exit code 1 when a trunk is down."""
    settings = settings_from(config)
    report = _report(settings)
    if as_json:
        shown = [status.model_dump(mode="json") for status in report.trunks]
        out.print_json(json.dumps(shown))
    else:
        out.print(_table(report))
        for status in report.trunks:
            if status.why:
                out.print(f"[red]{escape(status.name)}:[/] {escape(status.why)}", soft_wrap=True)
    if any(status.reach is Reach.DOWN for status in report.trunks):
        raise typer.Exit(1)


def _report(settings: Settings) -> TrunkReport:
    """Raises SipAgentError."""
    if not settings.trunks:
        raise SipAgentError("no trunks in the settings; `trunks:` of sipagent.yaml names them")
    folder: Path = settings.store.bundles
    report = read_report(folder)
    if report is None or not report.current:
        raise SipAgentError(f"no server is running on these settings ({folder})")
    return report


def _table(report: TrunkReport) -> Table:
    table = Table(box=None, header_style="bold")
    for head in ("trunk", "host", "state", "registration", "calls"):
        table.add_column(head, justify="right" if head == "calls" else "left", overflow="fold")
    for status in report.trunks:
        colour = _COLOURS[status.reach]
        calls = f"{status.calls}/{status.limit}" if status.limit else str(status.calls)
        table.add_row(
            escape(status.name), escape(status.host), f"[{colour}]{status.reach}[/]",
            escape(_registration(status)), calls,
        )  # fmt: skip
    return table


def _registration(status: TrunkStatus) -> str:
    now = datetime.now(UTC)
    if status.registration is Standing.REGISTERED and status.expires:
        left = max(int((status.expires - now).total_seconds()), 0)
        return f"registered at {status.registrar}, {left} s left"
    if status.registration is Standing.FAILED and status.retry:
        wait = max(int((status.retry - now).total_seconds()), 0)
        return f"failed {status.failures} times, next try in {wait} s"
    if status.registration is Standing.ELSEWHERE and status.node:
        return f"by node {status.node}"
    return str(status.registration)
