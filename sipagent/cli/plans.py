"""`sipagent check`, `explain` and `schema`: dialplans without a call."""

import asyncio
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.app.distant import check_url
from sipagent.app.plans import read_plans
from sipagent.config import Settings, doubts
from sipagent.dialplan.schema import schema as plan_schema
from sipagent.errors import SipAgentError
from sipagent.verbs.documents import is_url

from .style import (
    ConfigOption,
    JsonOption,
    out,
    print_findings,
    print_json,
    settings_from,
    settings_path,
    shown,
)


def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="dialplans, or URLs of SWML [default: those of the settings]"),
    ] = None,
    config: ConfigOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="only errors")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="warnings fail, too")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check settings, dialplans and tools: every finding with file, line and key.

    Plain SWML is read as its vendor reads it: what nobody knows is a warning. A URL is asked as
    for a call.
    """
    settings = settings_from(config)
    urls = [path for path in paths or [] if is_url(path)]
    if paths:
        files = tuple(Path(path) for path in paths if path not in urls)
        settings = settings.model_copy(update={"dialplans": files})
    plans, findings = read_plans(settings)
    findings += doubts(settings_path(config))
    for url in urls:
        findings += asyncio.run(check_url(url, settings))
    failed = any(f.severity == "error" or strict for f in findings)
    if as_json:
        rows = [
            {name: getattr(f, name) for name in ("file", "line", "column", "severity", "key")}
            | {"message": f.message, "hint": f.hint}
            for f in findings
        ]
        print_json(rows)
    else:
        shown = [f for f in findings if f.severity == "error" or not quiet]
        print_findings(out, shown)
        if not quiet and not (urls and not plans.plans):
            count = len(plans.plans)
            out.print(f"{count} dialplan{'' if count == 1 else 's'} ready to take calls")
    raise typer.Exit(1 if failed else 0)


def explain(  # noqa: PLR0917 - typer makes options of them
    number: Annotated[str, typer.Argument(help="the number or user that is called")],
    caller: Annotated[str, typer.Option("--from", help="who calls")] = "sip:anonymous@localhost",
    header: Annotated[list[str] | None, typer.Option(help="a SIP header, `Name: value`")] = None,
    trunk: Annotated[str | None, typer.Option(help="the trunk it comes from")] = None,
    at: Annotated[datetime | None, typer.Option(help="when [default: now]")] = None,
    config: ConfigOption = None,
) -> None:
    """Say which plan takes a call to NUMBER, and why; exit 1 when none does."""
    settings = settings_from(config)
    zone = ZoneInfo(settings.time_zone)
    now = at.replace(tzinfo=zone) if at else datetime.now(zone)
    plans, _ = read_plans(settings)
    found = plans.explain(number, caller, _headers(header or []), now, trunk)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for index, candidate in enumerate(found):
        takes = index == 0 and candidate.score is not None
        mark = "[green]✓[/]" if takes else "[dim]✗[/]"
        why = candidate.why
        if candidate.score is not None and not takes:
            why += " (matches too, but is less specific)"
        table.add_row(
            mark,
            escape(candidate.plan.name),
            escape(why),
            f"[dim]{escape(shown(candidate.plan.file))}[/]",
        )
    out.print(table)
    if not found or found[0].score is None:
        out.print(f"[red]no plan takes {escape(number)}:[/] the caller gets 404")
        raise typer.Exit(1)


class Subject(StrEnum):
    """What a schema is asked of."""

    dialplan = "dialplan"
    settings = "settings"


def schema(of: Annotated[Subject, typer.Argument()] = Subject.dialplan) -> None:
    """Print the JSON Schema of dialplans, or of sipagent.yaml, for editors."""
    made = plan_schema() if of is Subject.dialplan else Settings.model_json_schema()
    print_json(made)


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise SipAgentError(f"{line!r} is no header: write `Name: value`")
        headers[name.strip()] = value.strip()
    return headers
