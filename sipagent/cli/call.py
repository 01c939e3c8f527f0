"""`sipagent call`: a scriptable softphone."""

import asyncio
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.errors import SipAgentError
from sipagent.testing.actions import ACTIONS, Action
from sipagent.testing.phone import Phone
from sipagent.testing.script import CallReport, parse, run_script
from sipagent.testing.sip.message import BadMessage, uri
from sipagent.testing.sip.transaction import Timers
from sipagent.testing.voice import speak

from .style import JsonOption, out, print_json

_ACTIONS = ", ".join(
    " ".join(
        [f"[bold]{name}[/]"]
        + [
            f.name.upper() if f.default is MISSING else f"\\[{f.name.upper()}]"
            for f in fields(kind)
        ]
    )
    for name, kind in ACTIONS.items()
)
EPILOG = f"""ACTIONS are done in order: {_ACTIONS}.

Example: sipagent call sip:100@127.0.0.1:5060 say "when are you open" wait-speech wait-silence"""
#: nobody is as far away as the half second RFC 3261 takes for T1; no reply at all for 64 times
#: this long (timer B) means that nobody is there
_TIMERS = Timers(t1=0.08)


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
    timeout: Annotated[float, typer.Option(min=0.1, help="seconds it may ring")] = 32.0,
    as_json: JsonOption = False,
) -> None:
    """Call TARGET, do the actions, hang up, and report; exit 0 when everything was done."""
    script = parse(actions or [])
    where = _uri(target)
    phone = Phone(
        host=host,
        user=user,
        password=password,
        transport="tcp" if tcp else "udp",
        timers=_TIMERS,
    )
    report = asyncio.run(_place(phone, where, script, voice, timeout))
    if as_json:
        print_json(report.as_dict())
    else:
        _print(where, report)
    raise typer.Exit(0 if report.ok else 1)


def _uri(target: str) -> str:
    whole = target if target.startswith("sip:") else f"sip:{target}"
    try:
        taken = uri(whole)
        if taken.user and taken.host and ":" not in taken.user:
            return whole
    except BadMessage:
        pass
    raise SipAgentError(f"{target!r} is no SIP URI; write sip:NUMBER@HOST:PORT")


async def _place(
    phone: Phone, target: str, script: Sequence[Action], voice: str, timeout: float
) -> CallReport:
    async def say(text: str) -> bytes:
        return await asyncio.to_thread(speak, text, voice)

    try:
        async with phone:
            placed = await phone.dial(target)
            return await run_script(placed, script, speak=say, answer_timeout=timeout)
    except OSError as error:
        raise SipAgentError(f"cannot call {target}: {error.strerror or error}") from error


def _print(target: str, report: CallReport) -> None:
    title = f"[bold]{escape(target)}[/]: {report.status} {escape(report.reason)}"
    if report.answer_ms is not None:
        title += f", answered after {report.answer_ms:.0f} ms, lasted {report.seconds:.1f} s"
    out.print(title, highlight=False, emoji=False)
    if report.status == 408 and report.ringing_ms is None:
        out.print("[red]no SIP reply:[/] does a server listen at that address and port?")
    if report.answer_ms is None:
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    for step in report.steps:
        mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
        told = step.detail or ", ".join(f"{key} {value}" for key, value in step.data.items())
        table.add_row(f"{step.start_s:7.2f} s", mark, step.action, f"[dim]{escape(told)}[/]")
    heard = report.rtp["heard"]
    table.add_row(
        "", "", "rtp", f"[dim]{heard['packets']} packets heard, {heard['lost']} lost, "
        f"jitter {heard['jitter_ms']:.1f} ms; ended by {report.ended_by}[/]",
    )  # fmt: skip
    out.print(table)
