"""`sipagent call`: a scriptable softphone."""

import asyncio
import json
from dataclasses import MISSING, fields
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.testing.actions import ACTIONS
from sipagent.testing.phone import Phone
from sipagent.testing.script import CallReport, parse, run_script
from sipagent.testing.voice import speak

from .style import JsonOption, out

EPILOG = "ACTIONS, in order: " + ", ".join(
    " ".join(
        [f"[bold]{name}[/]"]
        + [f.name.upper() if f.default is MISSING else f"[{f.name.upper()}]" for f in fields(kind)]
    )
    for name, kind in ACTIONS.items()
)


def call(  # noqa: PLR0917 - typer makes options of them
    target: Annotated[str, typer.Argument(help="a SIP URI: sip:100@127.0.0.1:5060")],
    actions: Annotated[
        list[str] | None, typer.Argument(help="what to do in the call; see below")
    ] = None,
    user: Annotated[str, typer.Option(help="who calls")] = "phone",
    password: Annotated[
        str | None, typer.Option(envvar="SIPAGENT_PHONE_PASSWORD", help="for digest")
    ] = None,
    tcp: Annotated[bool, typer.Option("--tcp", help="SIP over TCP")] = False,
    host: Annotated[str, typer.Option(help="our own address")] = "127.0.0.1",
    voice: Annotated[str, typer.Option(help="espeak voice of `say`")] = "en-us+f2",
    as_json: JsonOption = False,
) -> None:
    """Call TARGET, do the actions, hang up, and report; exit 0 when everything was done."""
    script = parse(actions or [])

    async def say(text: str) -> bytes:
        return await asyncio.to_thread(speak, text, voice)

    async def run() -> CallReport:
        async with Phone(
            host=host, user=user, password=password, transport="tcp" if tcp else "udp"
        ) as phone:
            placed = await phone.dial(target)
            return await run_script(placed, script, speak=say)

    report = asyncio.run(run())
    if as_json:
        out.print_json(json.dumps(report.as_dict()))
    else:
        out.print(_table(report))
    raise typer.Exit(0 if report.ok else 1)


def _table(report: CallReport) -> Table:
    title = f"{escape(report.target)}: {report.status} {escape(report.reason)}"
    if report.answer_ms is not None:
        title += f", answered after {report.answer_ms:.0f} ms, {report.seconds:.1f} s"
    table = Table(box=None, show_header=False, padding=(0, 1), title=title, title_justify="left")
    for step in report.steps:
        mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
        shown = step.detail or ", ".join(f"{key} {value}" for key, value in step.data.items())
        table.add_row(f"{step.start_s:7.2f} s", mark, step.action, f"[dim]{escape(shown)}[/]")
    heard = report.rtp["heard"]
    table.add_row(
        "", "", "rtp", f"[dim]{heard['packets']} packets heard, {heard['lost']} lost, "
        f"jitter {heard['jitter_ms']:.1f} ms; ended by {report.ended_by}[/]",
    )  # fmt: skip
    return table
