"""Trying: the check of plans and the scenarios on every fault sown into one, until one finds it."""

import json
import multiprocessing
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from sipagent.app.plans import house_of
from sipagent.config import Settings
from sipagent.dialplan.lint import House, check
from sipagent.errors import SipAgentError
from sipagent.sources import parse, read
from sipagent.testing.scenarios import Case, play, read_cases

from .faults import Fault, faults_of

#: who found a fault before any scenario
CHECK = "sipagent check"
#: for the processes that try faults: it cannot be sent to them, but a fork has it
_houses: list[House] = []


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one fault: who found it, `sipagent check` or a scenario by its name; empty
    where nobody noticed.
    """

    plan: str
    where: str
    what: str
    found_by: str

    @property
    def found(self) -> bool:
        """Did anybody notice?"""
        return bool(self.found_by)


Progress = Callable[[Tried, int, int], None]


def sown(plan: Path, most: int = 0, seed: int = 1) -> list[Fault]:
    """The faults of a plan, or `most` of them, the same ones each time."""
    every = list(faults_of(read(plan).data))
    if not most or len(every) <= most:
        return every
    return random.Random(seed).sample(every, most)  # noqa: S311 - a sample, no secret


def try_out(
    scenarios: Sequence[Path],
    settings: Settings,
    *,
    most: int = 0,
    jobs: int = 1,
    progress: Progress = lambda tried, done, of: None,
) -> list[Tried]:
    """Of each file of scenarios the plan, with each of its faults (`most` a plan; 0: all).

    Raises ConfigError for what is wrong before any fault, SipAgentError where a scenario fails on
    the plan as it is: then nothing could be learnt from it.
    """
    house = house_of(settings)
    orders: list[tuple[list[Case], Fault]] = []
    for file in scenarios:
        cases = read_cases([file], settings)
        for result in map(play, cases):
            if not result.passed:
                raise SipAgentError(f"{result.id} fails as it is: sipagent test {file}")
        orders += [(cases, fault) for fault in sown(Path(cases[0].plan.file), most)]
    tried: dict[int, Tried] = {}
    for place, one in _tried(orders, house, jobs):
        tried[place] = one
        progress(one, len(tried), len(orders))
    return [tried[place] for place in sorted(tried)]


def _tried(
    orders: Sequence[tuple[list[Case], Fault]], house: House, jobs: int
) -> Iterator[tuple[int, Tried]]:
    if jobs <= 1:
        for place, (cases, fault) in enumerate(orders):
            yield place, attempt(cases, fault, house)
        return
    _houses.append(house)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        waiting = {
            pool.submit(_forked, cases, fault): place for place, (cases, fault) in enumerate(orders)
        }
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def _forked(cases: Sequence[Case], fault: Fault) -> Tried:
    return attempt(cases, fault, _houses[-1])


def attempt(cases: Sequence[Case], fault: Fault, house: House) -> Tried:
    """One fault, and who finds it first."""
    plan = cases[0].plan
    broken, _ = check(parse(json.dumps(fault.document), plan.file), house, plan.name)
    if broken is None:
        return Tried(plan.name, fault.where, fault.what, CHECK)
    for case in cases:
        try:
            passed = play(replace(case, plan=broken)).passed
        except SipAgentError:
            passed = False
        if not passed:
            return Tried(plan.name, fault.where, fault.what, case.scenario.name)
    return Tried(plan.name, fault.where, fault.what, "")
