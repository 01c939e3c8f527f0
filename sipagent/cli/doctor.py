"""`sipagent doctor`: what keeps this server from working, with cause and cure."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from sipagent.config import Log, Settings
from sipagent.doctor.check import Check, Visit, examine
from sipagent.doctor.checks import CHECKS, calling
from sipagent.doctor.checks.files import unreadable
from sipagent.doctor.findings import Finding, Severity
from sipagent.doctor.patient import admitted
from sipagent.errors import ConfigError, SipAgentError
from sipagent.log import configure
from sipagent.sources import nearest

from .style import ConfigOption, JsonOption, out, print_json, settings_from

_MARKS = {
    Severity.OK: "[green]✓[/]",
    Severity.NOTE: "[cyan]i[/]",
    Severity.WARNING: "[yellow]![/]",
    Severity.PROBLEM: "[red]✗[/]",
}
_COLOURS = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.PROBLEM: "red"}
_NAMES = ", ".join(check.name for check in CHECKS)
_WIDTH = max(len(check.name) for check in CHECKS)


def doctor(
    only: Annotated[
        list[str] | None, typer.Option("--only", help=f"this check, repeatable: {_NAMES}")
    ] = None,
    call: Annotated[
        str, typer.Option(help="call this number by its trunk, and see what audio comes back")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what keeps calls from working: beside a server that runs, or before its first
    start. Exit code 1 where there is a problem.
    """
    checks = _chosen(only or [], call)
    configure(Log(level="error"))  # what it finds is told once, in its own words
    try:
        settings = settings_from(config)
    except ConfigError as error:
        visits = [unreadable(error.findings)]
        if not as_json:
            _print(visits[0])
    else:
        visits = asyncio.run(_examined(settings, checks, call, _silent if as_json else _print))
    if as_json:
        print_json(_document(visits))
    else:
        _sum_up(visits)
    if any(visit.severity is Severity.PROBLEM for visit in visits):
        raise typer.Exit(1)


def _chosen(only: Sequence[str], number: str) -> list[Check]:
    """All of them, or those that are named; the call where there is whom to call. Raises
    SipAgentError for a name that is none.
    """
    known = {check.name: check for check in CHECKS}
    for name in only:
        if name not in known:
            hint = nearest(name, known) or f"there are: {_NAMES}"
            raise SipAgentError(f"there is no check {name}; {hint}")
    if calling.CHECK.name in only and not number:
        raise SipAgentError("whom to call? --call NUMBER")
    unwanted = set() if number else {calling.CHECK.name}
    names = {*only, calling.CHECK.name} if only else set(known)
    return [check for check in CHECKS if check.name in names - unwanted]


async def _examined(
    settings: Settings, checks: Sequence[Check], number: str, tell: Callable[[Visit], None]
) -> list[Visit]:
    """Each is told as it ends; they are returned in the order of the table."""
    left = {check.name: check.title for check in checks}
    visits: dict[str, Visit] = {}
    with Status(_waiting(left), console=Console(stderr=True)) as status:
        async with admitted(settings, number=number) as patient:
            async for visit in examine(checks, patient):
                del left[visit.name]
                visits[visit.name] = visit
                tell(visit)
                status.update(_waiting(left))
    return [visits[check.name] for check in checks]


def _waiting(left: dict[str, str]) -> str:
    return escape("looking at " + ", ".join(left.values()))


def _silent(visit: Visit) -> None:
    """Told at the end, as JSON."""


def _print(visit: Visit) -> None:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=_WIDTH, style="bold")
    table.add_column(overflow="fold")
    name = visit.name
    for finding in sorted(visit.findings, key=lambda f: -f.severity.rank):
        table.add_row(_MARKS[finding.severity], name, escape(finding.what))
        name = ""
        if finding.severity is not Severity.OK:
            table.add_row("", "", _advice(finding))
    out.print(table)


def _advice(finding: Finding) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=5, style=_COLOURS[finding.severity])
    table.add_column(overflow="fold")
    table.add_row("cause", escape(finding.cause))
    table.add_row("cure", escape(finding.cure))
    if finding.key:
        table.add_row("key", f"[cyan]{escape(finding.key)}[/]")
    return table


def _sum_up(visits: Sequence[Visit]) -> None:
    found = [finding.severity for visit in visits for finding in visit.findings]
    problems, warnings = found.count(Severity.PROBLEM), found.count(Severity.WARNING)
    if not problems and not warnings:
        out.print("\n[green]Nothing is wrong.[/]")
        return
    parts = [_count(n, word) for n, word in ((problems, "problem"), (warnings, "warning")) if n]
    colour = "red" if problems else "yellow"
    out.print(f"\n[{colour}]{' and '.join(parts)}.[/]")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _document(visits: Sequence[Visit]) -> dict[str, Any]:
    return {
        "ok": not any(visit.severity is Severity.PROBLEM for visit in visits),
        "checks": [
            {
                "name": visit.name,
                "title": visit.title,
                "severity": str(visit.severity),
                "seconds": round(visit.seconds, 3),
                "findings": [_finding(finding) for finding in visit.findings],
            }
            for visit in visits
        ],
    }


def _finding(finding: Finding) -> dict[str, str]:
    names = ("code", "severity", "what", "cause", "cure", "key")
    return {name: str(getattr(finding, name)) for name in names}
