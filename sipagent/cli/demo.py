"""`sipagent demo`: one real call, watched as it happens."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
from sipagent.errors import SipAgentError
from sipagent.events import BargeIn, CallStarted, Event, LegChanged, PolicyDecided, Said, VerbDone
from sipagent.log import configure
from sipagent.testing.demo import DemoResult, run_demo

from .story import line, when
from .style import JsonOption, out, print_json, shown

_SHOWN = 16
_STDERR = 2


def demo(
    folder: Annotated[Path, typer.Option(help="where the call's folder goes")] = Path("calls"),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="show the server's log")] = False,
    as_json: JsonOption = False,
) -> None:
    """Place a real SIP call into the agent; exit 0 only when everything was shown."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "demo.log"
    view = _View()
    try:
        if verbose:
            result = _run(folder, view)
        else:
            with _stderr_to(log):
                result = _run(folder, view) if as_json else _watched(folder, view)
    except SipAgentError as error:
        where = "" if verbose else f"; the server's log is in {shown(log)}"
        if as_json:
            print_json({"ok": False, "step": view.step, "error": str(error), "log": str(log)})
            raise typer.Exit(1) from error
        raise SipAgentError(f"while {view.step}: {error}{where}") from error
    if as_json:
        print_json(_as_dict(result))
    else:
        _summarise(result)
    raise typer.Exit(0 if result.ok else 1)


def _run(folder: Path, view: "_View") -> DemoResult:
    configure(Log(level="info"))
    structlog.contextvars.clear_contextvars()
    return asyncio.run(run_demo(folder, report=view.report, listener=view.add))


def _watched(folder: Path, view: "_View") -> DemoResult:
    with Live(get_renderable=view.table, console=out, refresh_per_second=8, redirect_stderr=False):
        try:
            return _run(folder, view)
        finally:
            view.over = True


@contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """What this process, its children and native libraries say goes to a file, not to the screen
    where the call is watched.
    """
    screen = os.dup(_STDERR)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), _STDERR)
        yield
    finally:
        os.dup2(screen, _STDERR)
        os.close(screen)


class _View:
    """The call as it runs: who said what, what was decided."""

    def __init__(self) -> None:
        self.step = "starting"
        self.over = False
        self._rows: list[tuple[str, str, str]] = []
        self._start: int | None = None
        self._spinner = Spinner("dots")

    def report(self, words: str) -> None:
        self.step = words

    def add(self, event: Event) -> None:
        if isinstance(event, CallStarted):
            self._start = event.t
        told = line(event) if _of_interest(event) else None
        if told is not None:
            at = (when(event) - (self._start or 0)) / 1000
            self._rows.append((f"[dim]{at:6.2f} s[/]", *told))

    def table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for row in self._rows if self.over else self._rows[-_SHOWN:]:
            table.add_row(*row)
        if not self.over:
            self._spinner.update(text=escape(self.step))
            table.add_row("", "", self._spinner)
        return table


def _of_interest(event: Event) -> bool:
    match event:
        case Said() | BargeIn() | PolicyDecided():
            return True
        case VerbDone(verb="transfer") | LegChanged(role="callee"):
            return True
    return False


def _as_dict(result: DemoResult) -> dict[str, object]:
    checks = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in result.checks]
    return {"ok": result.ok, "bundle": str(result.bundle), "checks": checks}


def _summarise(result: DemoResult) -> None:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for check in result.checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        table.add_row(mark, check.name, f"[dim]{escape(check.detail)}[/]")
    out.print(
        Panel(table, title="What the call showed", border_style="green" if result.ok else "red")
    )
    for name in ("timeline.svg", "call.wav", "call.json"):
        out.print(f"  {shown(result.bundle / name)}", highlight=False, soft_wrap=True)
