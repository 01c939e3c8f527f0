"""`sipagent replay`: a call on record once more, against the same plan or another one."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sipagent.config import Settings
from sipagent.dialplan.load import load_file
from sipagent.errors import ConfigError, SipAgentError
from sipagent.store.upload.away import files_of
from sipagent.testing.replay import Replayed, Row, Taken, Wish, replay, taken_from
from sipagent.testing.replay.compare import words
from sipagent.testing.replay.decisions import Decision
from sipagent.testing.replay.live_minds import LiveMinds
from sipagent.testing.replay.page import page, verdict

from .style import ConfigOption, JsonOption, out, print_findings, print_json, settings_from, shown

_SAME, _DIFFERENT, _CANNOT = 0, 1, 2
#: as git shows words, so that it reads without colours, too
_MARKS = {"same": "{}", "gone": r"[red]\[-{}-][/]", "new": "[green]{{+{}+}}[/]"}


def replay_call(  # noqa: PLR0917 - typer makes options of them
    call: Annotated[str, typer.Argument(help="a call's zip, its folder, or its id")],
    plan: Annotated[
        Path | None, typer.Option(help="another dialplan [default: the one it had]")
    ] = None,
    agent: Annotated[
        str, typer.Option(help="this agent of the plan alone, in place of its sections")
    ] = "",
    live_minds: Annotated[
        bool, typer.Option("--live-minds", help="ask real models what is not on record")
    ] = False,
    as_timed: Annotated[
        bool, typer.Option("--as-timed", help="the caller waits for nobody: all at its old time")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="write a report with both timelines")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the caller's side of a call again, on a virtual clock, and show what differs.

    Exit 0 where the same was decided, said and asked, 1 where not, 2 where it cannot be replayed.
    Nothing is dialled, no function is called, and no model is asked without --live-minds.
    """
    try:
        settings = settings_from(config)
        replayed = _replayed(_taken(call, settings), settings, plan, agent, live_minds, as_timed)
        if html is not None:
            html.write_text(page(replayed), encoding="utf-8")
    except ConfigError as error:
        print_findings(Console(stderr=True), error.findings)
        raise typer.Exit(_CANNOT) from None
    except (SipAgentError, OSError) as error:
        Console(stderr=True).print(f"[red]error:[/] {escape(str(error))}", highlight=False)
        raise typer.Exit(_CANNOT) from None
    if as_json:
        print_json(_data(replayed))
    else:
        _tell(replayed)
        if html is not None:
            out.print(f"[dim]{escape(shown(html))} shows both timelines[/]", highlight=False)
    raise typer.Exit(_SAME if replayed.same else _DIFFERENT)


def _taken(call: str, settings: Settings) -> Taken:
    files = files_of(settings)
    path = Path(call)
    if path.exists():
        return taken_from(path, files)
    folder = settings.store.bundles / call
    if Path(call).name == call and folder.is_dir():
        return taken_from(folder, files)
    where = shown(settings.store.bundles)
    raise SipAgentError(f"there is no file, folder or call {call}; calls are kept in {where}")


def _replayed(  # noqa: PLR0917 - they are the command's
    taken: Taken, settings: Settings, plan: Path | None, agent: str, live: bool, as_timed: bool
) -> Replayed:
    if plan is not None and not plan.is_file():
        raise SipAgentError(f"there is no dialplan {plan}")
    with ExitStack() as stack:
        minds = stack.enter_context(LiveMinds(settings)) if live else None
        wish = Wish(load_file(plan) if plan else None, agent, minds, as_timed)
        return replay(taken, settings, wish)


def _tell(replayed: Replayed) -> None:
    out.print(
        f"[bold]{escape(replayed.call_id)}[/] against the plan {escape(replayed.plan)}",
        highlight=False,
    )
    for note in replayed.notes:
        out.print(f"[yellow]note:[/] {escape(note)}", highlight=False, emoji=False)
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    table.add_column("on record", overflow="fold", ratio=1)
    table.add_column("now", overflow="fold", ratio=1)
    for row in replayed.comparison.rows:
        mark = "" if row.same else "[yellow]≠[/]"
        table.add_row(mark, f"[dim]{row.either.t / 1000:.2f}[/]", *_cells(row))
    out.print(table)
    _tell_requests(replayed)
    _tell_latencies(replayed)
    colour = "green" if replayed.same else "yellow"
    out.print(f"[{colour}]{escape(verdict(replayed))}[/]", highlight=False)


def _cells(row: Row) -> Iterator[str]:
    if row.same:
        yield from (f"[dim]{_told(one)}[/]" for one in (row.before, row.after))
        return
    yield _told(row.before)
    if row.before is None or row.after is None:
        yield f"[green]{_told(row.after)}[/]" if row.after else "[dim]–[/]"
    else:
        yield f"{escape(row.after.kind)} {_merged(row.before.what, row.after.what)}"


def _told(decision: Decision | None) -> str:
    return "–" if decision is None else f"{escape(decision.kind)} {escape(decision.what)}"


def _merged(before: str, after: str) -> str:
    return " ".join(_MARKS[kind].format(escape(text)) for kind, text in words(before, after))


def _tell_requests(replayed: Replayed) -> None:
    for one in replayed.requests:
        after = f"after {one.words!r}" if one.words else "at the beginning"
        agent = f"{one.agent} " if one.agent else ""
        out.print(f"[yellow]asked otherwise[/] {escape(f'{agent}{after}: {one.done}')}")
        for respect in one.unlike:
            merged = _merged(respect.before, respect.after)
            out.print(f"  [dim]{respect.what}:[/] {merged}", highlight=False, emoji=False)


def _tell_latencies(replayed: Replayed) -> None:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("median of a turn, ms")
    table.add_column("on record", justify="right")
    table.add_column("now", justify="right")
    for one in replayed.comparison.latencies:
        if one.before is not None or one.after is not None:
            figures = ("–" if v is None else f"{v:.0f}" for v in (one.before, one.after))
            table.add_row(one.stage.replace("_", " "), *figures)
    if table.row_count:
        out.print(table)


def _data(replayed: Replayed) -> dict[str, Any]:
    comparison = replayed.comparison
    return {
        "call_id": replayed.call_id,
        "plan": replayed.plan,
        "same": replayed.same,
        "rows": [
            {
                "same": row.same,
                "before": asdict(row.before) if row.before else None,
                "after": asdict(row.after) if row.after else None,
            }
            for row in comparison.rows
        ],
        "latencies": [asdict(one) for one in comparison.latencies],
        "requests": [asdict(one) for one in replayed.requests],
        "notes": list(replayed.notes),
    }
