"""`sipagent test`: scenarios beside dialplans, played and judged."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from sipagent.config import Log
from sipagent.errors import ConfigError, SipAgentError
from sipagent.log import configure
from sipagent.testing.replay.live_minds import LiveMinds
from sipagent.testing.scenarios.cassette import read_tape
from sipagent.testing.scenarios.coverage import PlanCoverage, coverage, percent
from sipagent.testing.scenarios.junit import junit as junit_xml
from sipagent.testing.scenarios.live import not_live, run_live
from sipagent.testing.scenarios.page import page
from sipagent.testing.scenarios.reading import Case, read_cases, scenario_files
from sipagent.testing.scenarios.results import Result
from sipagent.testing.scenarios.running import cores, record, run
from sipagent.testing.scenarios.schema import schema as scenario_schema
from sipagent.testing.scenarios.transcript import keys_joined

from .style import ConfigOption, out, print_findings, print_json, settings_from, shown

#: lines of the transcript that a failure shows
_LAST = 12
_COLOURS = {"caller": "green", "key": "green", "agent": "cyan", "plan": "cyan", "callee": "magenta"}
_errors = Console(stderr=True)


def test(  # noqa: PLR0917 - typer makes options of them
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="scenario files, dialplans, folders [default: the settings' dialplans]"
        ),
    ] = None,
    config: ConfigOption = None,
    only: Annotated[str, typer.Option("-k", help="scenarios with this in their names")] = "",
    live: Annotated[
        bool, typer.Option("--live", help="by real SIP and RTP, in as much time as it takes")
    ] = False,
    recorded: Annotated[
        bool, typer.Option("--record", help="ask real models, and keep what they say on cassettes")
    ] = False,
    repeat: Annotated[int, typer.Option(min=1, help="times each scenario is played")] = 1,
    jobs: Annotated[int, typer.Option(min=0, help="processes [default: the cores]")] = 0,
    junit: Annotated[Path | None, typer.Option(help="write JUnit's XML here")] = None,
    html: Annotated[Path | None, typer.Option(help="write a page for people here")] = None,
    covered: Annotated[
        bool, typer.Option("--coverage", help="what of the plans was not reached")
    ] = False,
    fail_under: Annotated[
        float, typer.Option(min=0, max=100, help="fail below so much coverage, percent")
    ] = 0.0,
    schema: Annotated[bool, typer.Option("--schema", help="print the files' JSON Schema")] = False,
) -> None:
    """Play the scenarios of dialplans: whole calls, simulated on a virtual clock.

    With --live a phone calls a gateway of its own, which hears it by its embedded ears. Exits with
    1 where one fails, with 2 where a file is wrong. See docs/testing-dialplans.md.
    """
    if schema:
        print_json(scenario_schema())
        return
    try:
        cases = _cases(paths, config, only)
        for file in {case.cassette for case in cases if case.cassette and not recorded}:
            read_tape(file)
    except ConfigError as error:
        print_findings(_errors, error.findings)
        raise typer.Exit(2) from error
    configure(Log(level="error"))
    if live:
        cases = _live(cases)
    results = _record(cases) if recorded else _run(cases, repeat, jobs or cores(), live=live)
    plans = coverage(results)
    for result in results:
        if not result.passed:
            out.print(_failure(result), highlight=False, emoji=False, soft_wrap=True)
    if covered or fail_under:
        out.print(_covered(plans), highlight=False, emoji=False)
    out.print(_summary(results, repeat), highlight=False)
    _write(junit, lambda: junit_xml(results))
    _write(html, lambda: page(results, plans, "Dialplan tests"))
    short = percent(plans) < fail_under
    if short:
        out.print(f"[red]coverage is {percent(plans):.1f} %, below {fail_under:g} %[/]")
    raise typer.Exit(1 if short or any(not result.passed for result in results) else 0)


def _write(path: Path | None, made: Callable[[], str]) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(), encoding="utf-8")
    except OSError as error:
        raise SipAgentError(f"{path} cannot be written: {error.strerror or error}") from error
    out.print(f"[dim]{escape(str(path))}[/]", highlight=False, soft_wrap=True)


def _covered(plans: Sequence[PlanCoverage]) -> Group:
    """Each plan with what was not reached of it."""
    lines: list[Text] = []
    for plan in plans:
        colour = "green" if not plan.missed else "yellow"
        count = f"  {plan.reached} of {len(plan.places)}"
        head = (f"{plan.percent:4.0f} % ", colour), (shown(plan.file), "bold"), (count, "dim")
        lines.append(Text.assemble(*head))
        lines += [
            Text.assemble((f"{place.line:8} ", "dim"), f"{place.kind} {place.name}")
            for place in plan.missed
        ]
    return Group(*lines)


def _cases(paths: list[Path] | None, config: Path | None, only: str) -> list[Case]:
    settings = settings_from(config)
    files = scenario_files(paths or settings.dialplans)
    cases = [case for case in read_cases(files, settings) if only.lower() in case.name.lower()]
    if not cases:
        where = ", ".join(map(str, paths or settings.dialplans))
        what = f"no scenario has {only!r} in its name" if only else f"no scenarios in {where}"
        _errors.print(f"[red]error:[/] {escape(what)}", highlight=False)
        raise typer.Exit(2)
    return cases


def _live(cases: Sequence[Case]) -> list[Case]:
    """Those that can be played live; the others are named."""
    for case in cases:
        if why := not_live(case.scenario):
            out.print(f"[dim]not live: {escape(case.name)}: {escape(why)}[/]", highlight=False)
    return [case for case in cases if not not_live(case.scenario)]


def _record(cases: Sequence[Case]) -> list[Result]:
    """Those with a cassette, once each, their models asked."""
    taped = [case for case in cases if case.cassette is not None]
    if not taped:
        raise SipAgentError("none of these scenarios has a cassette: under mind:")
    results: list[Result] = []
    for settings, group in groupby(taped, lambda case: case.settings):
        with LiveMinds(settings) as minds:
            results += record(list(group), minds)
    for file in dict.fromkeys(case.cassette for case in taped if case.cassette is not None):
        out.print(f"[dim]{escape(shown(file))}[/]", highlight=False, soft_wrap=True)
    return results


def _run(cases: Sequence[Case], repeat: int, jobs: int, *, live: bool) -> list[Result]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=_errors, transient=True) as progress:
        task = progress.add_task("playing", total=len(cases) * repeat)

        def moved(result: Result, done: int, of: int) -> None:
            progress.update(task, completed=done, description=escape(result.name[:40]))

        if live:
            return run_live(cases, repeat=repeat, progress=moved)
        return run(cases, repeat=repeat, jobs=jobs, progress=moved)


def _failure(result: Result) -> Group:
    """What was expected, what came instead, and the last lines of the call."""
    failure = result.failure
    assert failure is not None
    head = Text.assemble(("FAILED ", "bold red"), (result.name, "bold"))
    lines: list[Text] = [
        Text(""),
        head,
        Text(f"{shown(result.file)}:{failure.line}", style="bold"),
        Text.assemble(("  expected  ", "dim"), failure.expected),
    ]
    for number, told in enumerate(failure.instead):
        lines.append(Text.assemble(("  instead   " if not number else "            ", "dim"), told))
    for spoken in keys_joined(result.transcript)[-_LAST:]:
        colour = _COLOURS.get(spoken.who, "dim")
        when = (f"  {spoken.t / 1000:7.2f}  ", "dim")
        lines.append(Text.assemble(when, (f"{spoken.who:<8}", colour), spoken.text))
    return Group(*lines)


def _summary(results: Sequence[Result], repeat: int) -> str:
    """The counts, and which scenarios do not always pass."""
    failed = [result for result in results if not result.passed]
    seconds = sum(result.seconds for result in results)
    colour = "red" if failed else "green"
    parts = [f"[{colour}]{len(results) - len(failed)} passed[/]"]
    parts += [f"[red]{len(failed)} failed[/]"] if failed else []
    lines = [f"{', '.join(parts)} [dim]({seconds:.0f} s of calls)[/]"]
    if repeat > 1:
        for name in dict.fromkeys(result.id for result in failed):
            missed = sum(result.id == name for result in failed)
            lines.append(f"[yellow]{escape(name)}: {missed} of {repeat} failed[/]")
    return "\n".join(lines)
