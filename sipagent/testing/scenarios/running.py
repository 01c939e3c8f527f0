"""Running scenarios: one after the other or in several processes, each as often as wanted."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from sipagent.testing.rehearsal import Minds
from sipagent.testing.virtual import run_virtual

from .cassette import Entry, Recorder, write_tapes
from .playing import Caller, Player
from .reaching import reached
from .reading import Case
from .results import Failure, Part, Reached, Result
from .staging import RefusedCaller, Staging, routed
from .transcript import transcript

#: virtual seconds a scenario may take
_LONGEST = 4 * 3600.0

#: a result as it comes, how many there are so far, and how many are to come in all
Progress = Callable[[Result, int, int], None]


def run(
    cases: Sequence[Case],
    *,
    repeat: int = 1,
    jobs: int = 1,
    progress: Progress = lambda result, done, of: None,
) -> list[Result]:
    """Play every scenario `repeat` times on the simulated stage, in the order they were given;
    with several `jobs` in as many processes.
    """
    orders = [(case, number) for case in cases for number in range(1, repeat + 1)]
    results: dict[int, Result] = {}
    for place, result in _played(orders, min(jobs, len(orders))):
        results[place] = result
        progress(result, len(results), len(orders))
    return [results[place] for place in sorted(results)]


def record(
    cases: Sequence[Case], minds: Minds, progress: Progress = lambda result, done, of: None
) -> list[Result]:
    """Play every scenario once; where one has a cassette, it is asked of `minds` and kept there.

    Raises OSError, ConfigError where a cassette cannot be written.
    """
    results: list[Result] = []
    tapes: dict[Path, list[Entry]] = {}
    for case in cases:
        recorder = Recorder(minds) if case.cassette is not None else None
        results.append(play(case, minds=recorder))
        if recorder is not None and case.cassette is not None:
            tapes.setdefault(case.cassette, []).extend(recorder.entries)
        progress(results[-1], len(results), len(cases))
    write_tapes(tapes)
    return results


def cores() -> int:
    """How many processes run at once."""
    return len(os.sched_getaffinity(0))


def _played(orders: Sequence[tuple[Case, int]], jobs: int) -> Iterator[tuple[int, Result]]:
    if jobs <= 1:
        for place, (case, number) in enumerate(orders):
            yield place, play(case, number)
        return
    # forked: what the parent has read and loaded is there already
    forks = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=forks) as pool:
        waiting: dict[Future[Result], int] = {
            pool.submit(play, case, number): place for place, (case, number) in enumerate(orders)
        }
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def play(case: Case, number: int = 1, minds: Minds | None = None) -> Result:
    """One run of one scenario, on the simulated stage; `minds` in place of what it says of them.

    Raises ConfigError where its cassette is not one.
    """
    began = time.perf_counter()
    run = run_virtual(_play(case, minds), limit=_LONGEST)
    return Result(
        name=case.scenario.name,
        file=case.file,
        line=case.line,
        plan=Path(case.plan.file),
        parts=run.parts,
        failure=run.failure,
        transcript=transcript(run.caller.evidence.events),
        events=tuple(run.caller.evidence.events),
        reached=run.reached,
        seconds=(run.caller.evidence.events[-1].t if run.caller.evidence.events else 0) / 1000,
        took=time.perf_counter() - began,
        run=number,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    caller: Caller
    parts: tuple[Part, ...]
    failure: Failure | None
    reached: Reached


async def _play(case: Case, minds: Minds | None) -> _Run:
    route, why = routed(case)
    if route is None:
        refused = RefusedCaller(case, why)
        player = Player(case, refused)
        return _over(player, await player.play(), Reached())
    staging = Staging(case, minds)
    try:
        async with staging.call(why) as caller:
            player = Player(case, caller)
            failure = await player.play()
    except TimeoutError:
        failure = Failure(case.line, "the call ends when its caller has left", ("it goes on",))
    failure = failure or _settled(player, case, staging.troubles)
    return _over(player, failure, reached(caller.evidence, route))


def _settled(player: Player, case: Case, troubles: Sequence[str]) -> Failure | None:
    """What was not to happen to the end, and what had no answer in the script."""
    if (failure := player.settle()) is not None:
        return failure
    if troubles:
        expected = "everything that was asked has an answer in the scenario"
        return Failure(case.line, expected, tuple(troubles))
    return None


def _over(player: Player, failure: Failure | None, reached: Reached) -> _Run:
    if failure is None:
        failure = player.settle()
    parts = (*player.parts, *player.left_out())
    return _Run(player.caller, parts, failure, reached)
