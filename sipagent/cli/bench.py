"""`sipagent bench`: the figures of this machine, beside the goals."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sipagent.testing.bench.chart import chart
from sipagent.testing.bench.figures import Report
from sipagent.testing.bench.run import FULL, QUICK, run_bench

from .style import JsonOption, out


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="small and short")] = False,
    folder: Annotated[Path, typer.Option(help="where bench.json and bench.svg go")] = Path("bench"),
    as_json: JsonOption = False,
) -> None:
    """Measure delay, call rate, conversations and barge-in against a server on loopback."""
    scale = QUICK if quick else FULL
    if as_json:
        report = asyncio.run(run_bench(scale, lambda name, number, total: None))
    else:
        with _progress() as progress:
            task = progress.add_task("starting", total=1)

            def moved(name: str, number: int, total: int) -> None:
                progress.update(task, description=name, completed=number, total=total)

            report = asyncio.run(run_bench(scale, moved))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(report.as_dict(), indent=2))
    (folder / "bench.svg").write_text(chart(report))
    if as_json:
        out.print_json(json.dumps(report.as_dict()))
        return
    out.print(_table(report))
    out.print(f"{folder}/bench.json  {folder}/bench.svg", highlight=False)


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=out)


def _table(report: Report) -> Table:
    table = Table(box=None, header_style="bold", title=report.machine, title_justify="left")
    for head, justify in (("", "left"), ("value", "right"), ("goal", "right"), ("", "left")):
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    table.add_column("note", style="dim")
    group = ""
    for figure in report.figures:
        if figure.group != group:
            group = figure.group
            table.add_row(f"[bold]{escape(group)}[/]")
        goal = ""
        if figure.goal is not None:
            goal = f"{'≤' if figure.better == 'lower' else '≥'} {figure.goal:g}"
        mark = {True: "[green]✓[/]", False: "[red]missed[/]", None: ""}[figure.met]
        value = f"{figure.value:g} {figure.unit}"
        table.add_row(f"  {escape(figure.name)}", value, goal, mark, escape(figure.note))
    return table
