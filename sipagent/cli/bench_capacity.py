"""`sipagent bench capacity`: how many conversations a machine holds, by configuration."""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sipagent.errors import SipAgentError
from sipagent.testing.bench.figures import machine
from sipagent.testing.capacity.calls import Caller
from sipagent.testing.capacity.configurations import CONFIGURATIONS, Configuration
from sipagent.testing.capacity.picture import picture
from sipagent.testing.capacity.report import Report, markdown, rows, why
from sipagent.testing.capacity.run import Found, Plan, measure
from sipagent.testing.capacity.run import Progress as Told
from sipagent.testing.capacity.stage import Setting, Where
from sipagent.testing.capacity.steps import Quality

from .style import JsonOption, out

_NAMES = ", ".join(CONFIGURATIONS)
_TOKEN = "SIPAGENT_TOKEN"  # noqa: S105 - where it stands, not what it is
#: seconds between two calls to a server elsewhere, whose guard lets one source begin ten a second
_APART = 0.15
#: of all columns, those a terminal has room for
_SHOWN = ("configuration", "held", "per core", "CPU each", "memory each", "late", "own p95")


def capacity(  # noqa: PLR0917 - typer makes options of them
    what: Annotated[
        str, typer.Option("--with", help=f"{_NAMES}; several with commas; all: each of them")
    ] = "talk",
    start: Annotated[int, typer.Option(min=0, help="first; default: ten a core")] = 0,
    most: Annotated[int, typer.Option(min=1, help="conversations at most")] = 400,
    seconds: Annotated[float, typer.Option(min=2, help="of each step that count")] = 15.0,
    settle: Annotated[float, typer.Option(min=0.5, help="before them")] = 4.0,
    late: Annotated[float, typer.Option(min=0, help="% of RTP that may be 40 ms late")] = 0.1,
    lost: Annotated[float, typer.Option(min=0, help="% of RTP that may be lost")] = 0.1,
    overhead: Annotated[float, typer.Option(min=1, help="ms of our own in a turn, p95")] = 40.0,
    expect: Annotated[
        int | None, typer.Option(min=1, help="exit code 1 where one holds fewer than that")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="a server elsewhere: sip:NUMBER@HOST:PORT")
    ] = None,
    metrics: Annotated[
        str, typer.Option(help=f"its http://HOST:PORT/metrics; the token in {_TOKEN}")
    ] = "",
    cores: Annotated[int, typer.Option(min=0, help="it has; default: as this machine")] = 0,
    host: Annotated[str, typer.Option(help="our own address")] = "127.0.0.1",
    user: Annotated[str, typer.Option(help="who calls")] = "capacity",
    password: Annotated[
        str | None, typer.Option(envvar="SIPAGENT_PHONE_PASSWORD", help="for digest")
    ] = None,
    folder: Annotated[Path, typer.Option(help="where capacity.* go")] = Path("bench"),
    as_json: JsonOption = False,
) -> None:
    """Find how many conversations hold before the quality breaks: real calls, doubled, then
    halved in.

    Each step lasts some 20 s; a configuration takes about four minutes. Ctrl-C keeps what was
    measured.
    """
    where = None if target is None else Where(target, metrics, os.environ.get(_TOKEN, ""))
    caller = Caller(user, password, host)
    if where is not None:
        caller = replace(caller, apart=_APART)
    plan = Plan(
        Setting(most, caller, where),
        start=start or 10 * _cores(),
        settle=settle,
        seconds=seconds,
        quality=Quality(late, lost, overhead),
    )
    found = [Found(one) for one in _wanted(what)]
    here = machine() if target is None else f"the server at {target}, callers on {machine()}"
    report = Report(here, cores or _cores(), _command(), plan.quality, found)
    try:
        _measure_all(found, plan, quiet=as_json)
    finally:
        report = _measured(report)
        if report.found:
            _write(report, folder)
    if as_json:
        out.print_json(json.dumps(report.as_dict()))
    else:
        _print(report, folder)
    good = [one for one in found if one.whole and one.held >= (expect or 0)]
    raise typer.Exit(0 if len(good) == len(found) else 1)


def _measure_all(found: Sequence[Found], plan: Plan, *, quiet: bool) -> None:
    if quiet:
        _one_by_one(found, plan, lambda _: None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, refresh_per_second=2) as progress:
        task = progress.add_task("", total=None)
        _one_by_one(found, plan, lambda words: progress.update(task, description=words))


def _one_by_one(found: Sequence[Found], plan: Plan, told: Told) -> None:
    with suppress(KeyboardInterrupt):
        for one in found:
            try:
                asyncio.run(measure(one, plan, told))
            except SipAgentError as error:
                one.failed = str(error)


def _measured(report: Report) -> Report:
    """Without those that were not come to."""
    found = [one for one in report.found if one.steps or one.failed]
    return Report(report.machine, report.cores, report.command, report.quality, found)


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "capacity.json").write_text(json.dumps(report.as_dict(), indent=2))
    (folder / "capacity.svg").write_text(picture(report))
    (folder / "capacity.md").write_text(markdown(report))


def _print(report: Report, folder: Path) -> None:
    out.print(report.machine, highlight=False)
    if not report.found:
        out.print("nothing was measured")
        return
    table = Table(*_SHOWN, box=None)
    for row in rows(report):
        table.add_row(*(row[name] for name in _SHOWN))
    out.print(table)
    for found in report.found:
        out.print(f"{found.configuration.name}: {escape(why(found))}", highlight=False)
    names = "  ".join(f"{folder}/capacity.{kind}" for kind in ("json", "svg", "md"))
    out.print(f"\n{names}", highlight=False)


def _wanted(names: str) -> list[Configuration]:
    if names == "all":
        return list(CONFIGURATIONS.values())
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in CONFIGURATIONS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {_NAMES}", param_hint="--with")
    return [CONFIGURATIONS[name] for name in wanted]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _command() -> str:
    """As it was typed, but for a password."""
    words = sys.argv[1:]
    kept = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not word.startswith("--password") and before != "--password"
    ]
    return shlex.join(["sipagent", *kept])
