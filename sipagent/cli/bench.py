"""`sipagent bench`: the figures of this machine, beside the goals."""

import asyncio
import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sipagent.testing.bench.chart import chart
from sipagent.testing.bench.figures import Figure
from sipagent.testing.bench.run import FULL, QUICK, run_bench

from .bench_capacity import capacity
from .style import JsonOption, out

_WIDTH = 100
app = typer.Typer(
    invoke_without_command=True,
    help="Measure delay, call rate, conversations and barge-in against a server on loopback. "
    "`bench capacity`: how many conversations this machine holds.",
)
app.command("capacity")(capacity)


@app.callback()
def bench(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="small and short")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="runs; the median of each figure")] = 1,
    folder: Annotated[Path, typer.Option(help="where bench.json and bench.svg go")] = Path("bench"),
    as_json: JsonOption = False,
) -> None:
    """Measure, and write what was measured."""
    if context.invoked_subcommand is not None:
        return
    scale = QUICK if quick else FULL
    if as_json:
        report = asyncio.run(run_bench(scale, lambda *_: None, repeat=repeat))
    else:
        with _progress() as progress:
            task = progress.add_task("starting", total=1)

            def moved(name: str, number: int, total: int) -> None:
                progress.update(task, description=name, completed=number, total=total)

            report = asyncio.run(run_bench(scale, moved, repeat=repeat))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(report.as_dict(), indent=2))
    (folder / "bench.svg").write_text(chart(report))
    if as_json:
        out.print_json(json.dumps(report.as_dict()))
        return
    out.print(report.machine, highlight=False)
    for group, figures in groupby(report.figures, lambda figure: figure.group):
        out.print(f"\n[bold]{escape(group)}[/]", highlight=False)
        # Rich takes a pipe for 80 columns.
        out.print(_table(figures), width=None if out.is_terminal else _WIDTH, crop=False)
    out.print(f"\n{folder}/bench.json  {folder}/bench.svg", highlight=False)


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=out)


def _table(figures: Iterable[Figure]) -> Table:
    """The rows of one group; all groups' columns stand below each other, 100 wide together."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=27)
    table.add_column(width=17, justify="right")
    table.add_column(width=7, justify="right")
    table.add_column(width=6)
    table.add_column(width=37, style="dim")
    for figure in figures:
        mark = {True: "[green]✓[/]", False: "[red]missed[/]", None: ""}[figure.met]
        cells = (f"  {figure.name}", figure.measured, figure.wanted)
        table.add_row(*map(escape, cells), mark, escape(figure.note))
    return table
