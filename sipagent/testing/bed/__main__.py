"""`python -m sipagent.testing.bed`: try an agent on scripted callers, from the shell."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sipagent.errors import ConfigError, Finding, SipAgentError
from sipagent.testing.bench.figures import Figure
from sipagent.testing.prompts import PROMPT_FOLDER

from .library import library
from .metrics import GOALS, Goals
from .report import write_report
from .run import AT_ONCE, PLAIN, Results, run_scenarios, subject
from .scenario import Scenario, load_scenarios

#: the bed's own scenarios take about so many events of each kind an hour
_EVENTS_AN_HOUR = 60
#: callers and workers share the machine: what is added to every limit of time
_REAL = Goals(wider_ms=40.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and say what came of it; 1 where a goal is missed or a scenario broke, 2 where the
    plan or a scenario is wrong.
    """
    given = _parser().parse_args(arguments)
    try:
        results = _run(given)
    except SipAgentError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stage = "real SIP and RTP" if given.real else "simulated"
    page = write_report(results, given.out, stage, _goals(given))
    for figure in results.report.figures:
        sys.stdout.write(f"{_told(figure)}\n")
    for broken in results.broken:
        sys.stdout.write(f"did not come to its end: {broken}\n")
    sys.stdout.write(f"{page}\n")
    return 1 if results.missed or results.broken else 0


def _run(given: argparse.Namespace) -> Results:
    if given.own and not (given.real and given.plan):
        raise ConfigError([Finding("--own", 1, "", "needs --real and a --plan")])
    tried = subject(given.plan, given.agent, own=given.own) if given.plan else PLAIN
    if given.scenarios:
        scenarios: tuple[Scenario, ...] = load_scenarios(given.scenarios)
    else:
        scenarios = library(
            max(1, round(_EVENTS_AN_HOUR * given.hours)), human=PROMPT_FOLDER.is_dir()
        )
    wanted = [s for s in scenarios if not given.only or given.only in s.row]
    return run_scenarios(
        tried,
        wanted,
        real=given.real,
        goals=_goals(given),
        at_once=given.at_once,
        progress=_tell,
    )


def _goals(given: argparse.Namespace) -> Goals:
    return _REAL if given.real else GOALS


def _tell(done: int, of: int, scenario: Scenario, seconds: float) -> None:
    sys.stderr.write(f"{done}/{of} {scenario.name}: {seconds:.0f} s of call\n")


def _told(figure: Figure) -> str:
    kept = {True: "held", False: "MISSED", None: ""}[figure.met]
    head = f"{figure.group}: {figure.name}"
    return f"{head:70} {figure.measured:>14} {figure.wanted:>7} {kept:6} {figure.note}".rstrip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sipagent.testing.bed", description=__doc__)
    parser.add_argument("--real", action="store_true", help="over SIP and RTP, in real time")
    parser.add_argument("--scenarios", type=Path, help="YAML; else the bed's own")
    parser.add_argument("--plan", type=Path, help="whose agent is tried; else a plain one")
    parser.add_argument("--agent", default="", help="which of the plan's agents")
    parser.add_argument("--own", action="store_true", help="with its own ears, mind and mouth")
    parser.add_argument("--only", default="", help="kinds whose name has this in it")
    parser.add_argument("--hours", type=float, default=1.0, help="of the bed's own conversation")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="calls, with --real")
    parser.add_argument("--out", type=Path, default=Path("build/bed"), help="folder of the report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
