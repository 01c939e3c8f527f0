"""`sipagent demo`: one real call, watched as it happens."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table

from sipagent.config import Log
from sipagent.events import BargeIn, CallStarted, Event, LegChanged, PolicyDecided, Said, VerbDone
from sipagent.log import configure
from sipagent.testing.demo import DemoResult, run_demo

from .style import JsonOption, out

_SHOWN = 16


def demo(
    folder: Annotated[Path, typer.Option(help="where the call's folder goes")] = Path("calls"),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="show the server's log")] = False,
    as_json: JsonOption = False,
) -> None:
    """Place a real SIP call into the agent; exit 0 only when everything was shown."""
    configure(Log(level="info" if verbose else "error"))
    structlog.contextvars.clear_contextvars()
    view = _View()
    if as_json or verbose:
        result = asyncio.run(run_demo(folder, report=lambda words: None))
    else:
        with Live(view.table(), console=out, refresh_per_second=8) as live:

            def report(words: str) -> None:
                view.now = words
                live.update(view.table())

            def listener(event: Event) -> None:
                view.add(event)
                live.update(view.table())

            result = asyncio.run(run_demo(folder, report=report, listener=listener))
            view.now = ""
            live.update(view.table())
    _summarise(result, as_json=as_json)
    raise typer.Exit(0 if result.ok else 1)


class _View:
    """The call as it runs: who said what, what was decided."""

    def __init__(self) -> None:
        self.now = "starting"
        self._rows: list[tuple[str, str, str]] = []
        self._start: int | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, CallStarted):
            self._start = event.t
        row = _row(event)
        if row is not None:
            at = (event.t - (self._start or 0)) / 1000
            self._rows.append((f"{at:6.2f} s", *row))

    def table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        for row in self._rows[-_SHOWN:]:
            table.add_row(*row)
        if self.now:
            table.add_row("", "", Spinner("dots", text=self.now))
        return table


def _row(event: Event) -> tuple[str, str] | None:
    match event:
        case Said(speaker=speaker, text=text, unheard=unheard):
            colour = "green" if speaker == "caller" else "cyan"
            cut = f" [dim strike]{escape(unheard)}[/]" if unheard else ""
            return f"[{colour}]{speaker}[/]", escape(text) + cut
        case BargeIn(decision=decision, evidence=evidence):
            return "[yellow]barge-in[/]", f"{decision}: {escape(evidence)}"
        case PolicyDecided(verb=verb, allowed=allowed, reason=reason):
            word = "[green]allowed[/]" if allowed else "[red]denied[/]"
            return "[magenta]policy[/]", f"{verb} {word}: {escape(reason)}"
        case VerbDone(verb=verb, ok=ok, detail=detail) if verb in ("transfer", "answer"):
            mark = "[green]done[/]" if ok else "[red]failed[/]"
            return "[magenta]verb[/]", f"{verb} {mark} {escape(detail)}"
        case LegChanged(role="callee", state=state, remote=remote):
            return "[blue]leg[/]", f"{escape(remote)} {state}"
    return None


def _summarise(result: DemoResult, *, as_json: bool) -> None:
    if as_json:
        checks = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in result.checks]
        out.print_json(
            json.dumps({"ok": result.ok, "bundle": str(result.bundle), "checks": checks})
        )
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    for check in result.checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        table.add_row(mark, check.name, f"[dim]{escape(check.detail)}[/]")
    out.print(
        Panel(table, title="What the call showed", border_style="green" if result.ok else "red")
    )
    for name in ("timeline.svg", "call.wav", "call.json"):
        out.print(f"  {result.bundle / name}", highlight=False)
