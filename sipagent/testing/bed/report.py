"""The report of a run: a table for people, JSON for programs, pictures for both."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from sipagent.store.timeline import draw
from sipagent.testing.bench.chart import chart
from sipagent.testing.bench.figures import Figure

from .dots import dots
from .metrics import Goals, rows
from .outcome import Outcome
from .run import Results

TITLE = "sipagent conversation bed"
_MARKS = {True: "held", False: "**missed**", None: ""}
#: a timeline is readable up to here
_DRAWN_SECONDS = 300.0


def write_report(results: Results, folder: Path, stage: str, goals: Goals) -> Path:
    """Write `bed.md`, `bed.json`, `figures.svg`, `times.svg` and a timeline of one call of each
    kind into `folder`; where the table is. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds = rows((outcome.scenario, outcome.trials) for outcome in results.outcomes)
    data = {"stage": stage, **results.report.as_dict(), "broken": list(results.broken)}
    (folder / "bed.json").write_text(json.dumps(data, indent=2))
    (folder / "figures.svg").write_text(chart(results.report, TITLE))
    (folder / "times.svg").write_text(dots(kinds, goals))
    drawn = list(_timelines(results, folder))
    page = folder / "bed.md"
    page.write_text(markdown(results, stage, drawn))
    return page


def markdown(results: Results, stage: str, timelines: list[str]) -> str:
    """The table and where the pictures are."""
    seconds = sum(outcome.seconds for outcome in results.outcomes)
    lines = [
        f"# {TITLE}: {stage}",
        "",
        f"{len(results.outcomes)} calls, {seconds / 60:.0f} minutes of conversation."
        f" {results.report.machine}.",
        "",
        "![times](times.svg)",
        "",
    ]
    for kind, figures in groupby(results.report.figures, lambda figure: figure.group):
        lines += [f"## {kind}", "", "| figure | measured | goal | | |", "|---|---|---|---|---|"]
        lines += [_line(figure) for figure in figures]
        lines.append("")
    if results.broken:
        lines += ["## Scenarios that did not come to their end", ""]
        lines += [f"- {broken}" for broken in results.broken] + [""]
    lines += [
        "All figures beside their goals: [figures.svg](figures.svg)."
        " One call of each kind: " + ", ".join(f"[{name}]({name})" for name in timelines) + "."
    ]
    return "\n".join(lines) + "\n"


def _line(figure: Figure) -> str:
    cells = (figure.name, figure.measured, figure.wanted, _MARKS[figure.met], figure.note)
    return "| " + " | ".join(cells) + " |"


def _timelines(results: Results, folder: Path) -> Iterator[str]:
    seen: dict[str, Outcome] = {}
    for outcome in results.outcomes:
        shortest = seen.get(outcome.scenario.row)
        if outcome.events and (shortest is None or outcome.seconds < shortest.seconds):
            seen[outcome.scenario.row] = outcome
    for kind, outcome in seen.items():
        if outcome.seconds > _DRAWN_SECONDS:
            continue
        name = "".join(c if c.isalnum() else "-" for c in kind.lower()).strip("-") + ".svg"
        (folder / name).write_text(draw(outcome.events))
        yield name
