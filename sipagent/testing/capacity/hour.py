"""Hour: conversations that come and go for an hour; what the server holds must stay as it is.

`python -m sipagent.testing.capacity.hour --calls 40 --minutes 60`
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sipagent.testing.bench.figures import Report, machine
from sipagent.testing.bench.server import BenchFailed
from sipagent.testing.pacer import keep_time

from .configurations import CONFIGURATIONS, Configuration
from .flatness import Bound, Trend, trend
from .graphs import graphs
from .kept import Kept, database, kept
from .samples import Sample, Sampler
from .stage import Setting, Stage, stage
from .steps import Quality, Step

SAMPLE_SECONDS = 10.0
#: the first part of a run fills caches; growth counts from there on, and not before calls have
#: come and gone twice, but for half of the run at least
_WARM, _WARM_LENGTHS, _WARM_MOST = 0.2, 2.0, 0.5
#: of the mean length, the shortest and the longest call
_LENGTHS = (0.5, 1.5)
#: seconds between two calls at the beginning, at most
_APART = 0.5
#: disk that a rule bounds may grow so much an hour, of what it is in the middle of the run
_DISK_GROWS = 0.1
#: part of the run after which it is too late for a first call to go by the rule
_RULED_MOST = 0.8
#: between two looks of the server at what is past its time
_LOOK_SECONDS = 60

#: by its name among the samples: unit, and what it may grow by; None: it is told
BOUNDS: Mapping[str, tuple[str, Bound | None]] = {
    "gateway_mib": ("MiB", Bound(8.0, 4.0)),
    # it shares ever less with its zygote, up to what is resident
    "gateway_pss_mib": ("MiB", None),
    "zygote_mib": ("MiB", Bound(4.0, 2.0)),
    "worker_mib": ("MiB", Bound(2.0, 2.0)),
    "workers": ("", Bound(2.0, 2.0)),
    "gateway_files": ("", Bound(4.0, 3.0)),
    "worker_files": ("", Bound(1.0, 1.0)),
    "gateway_threads": ("", Bound(1.0, 1.0)),
}
_DISKS = ("bundles_mib", "database_mib", "rest_mib")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Course:
    """So many calls at once for so many minutes, each of `length` seconds in the mean, whose
    records are kept for `keep` minutes; 0: for ever, and disk is told and not judged. `settings`
    are more keys of sipagent.yaml.
    """

    calls: int = 40
    minutes: float = 60.0
    length: float = 180.0
    configuration: Configuration = CONFIGURATIONS["recording"]
    keep: int = 15
    settings: Mapping[str, Any] = field(default_factory=dict)
    sample_seconds: float = SAMPLE_SECONDS

    @property
    def warm(self) -> float:
        """Seconds from which on growth counts."""
        whole = 60 * self.minutes
        return min(max(_WARM * whole, _WARM_LENGTHS * self.length), _WARM_MOST * whole)

    @property
    def ruled(self) -> float:
        """Seconds from which on disk may not grow: when the first call has gone by the rule."""
        return max(self.warm, 60 * self.keep + 2 * _LOOK_SECONDS)

    @property
    def all_settings(self) -> Mapping[str, Any]:
        """With the rule."""
        if not self.keep:
            return self.settings
        rule = {"records": f"{self.keep}min", "every": _LOOK_SECONDS}
        return {"retention": rule, **self.settings}


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of it."""

    course: Course
    samples: Sequence[Sample]
    whole: Step
    answered: int
    #: None where a rule takes it away
    kept: Kept | None


async def live(folder: Path, course: Course, progress: Progress) -> Lived:
    """Let calls come and go. `folder` gets the records. Raises BenchFailed."""
    setting = Setting(course.calls + 20, settings=course.all_settings)
    async with stage(folder, course.configuration, setting) as on:
        assert on.server is not None
        empty = database(folder)
        keep_time(ahead=True)
        calls = on.calls
        sampler = Sampler(on.server, lambda: len(calls.placed), lambda: calls.over_total)
        await calls.resolve(on.target)
        before = await on.moment()
        places = [asyncio.create_task(_place(on, course, n)) for n in range(course.calls)]
        watching = asyncio.create_task(
            sampler.watch(course.sample_seconds, lambda sample: progress(_words(sample)))
        )
        try:
            await asyncio.sleep(60 * course.minutes)
            after = await on.moment()
        finally:
            for task in (watching, *places):
                task.cancel()
            ended = await asyncio.gather(watching, *places, return_exceptions=True)
        if failed := [one for one in ended if isinstance(one, Exception)]:
            raise BenchFailed(f"the callers failed: {failed[0]!r}") from failed[0]
        whole = on.between(course.calls, before, after, await on.source.memory())
        await calls.hang_up(len(calls.placed))
        left = None if course.keep else await kept(folder, calls.answered_total, empty)
        whole = replace(whole, refused=calls.refused.total())
        return Lived(course, sampler.samples, whole, calls.answered_total, left)


async def _place(on: Stage, course: Course, number: int) -> None:
    """One place in which calls follow each other, until cancelled."""
    dice = random.Random(number)  # noqa: S311 - a repeatable draw
    apart = min(_APART, course.length / course.calls)
    await asyncio.sleep(number * apart)
    # the first are cut short, each elsewhere, or all would end together
    seconds = course.length * dice.uniform(0.1, _LENGTHS[1])
    while True:
        call = await on.calls.place(on.target)
        if call is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await call.ended.wait()
            if call.up:
                await call.hangup()
        await asyncio.sleep(dice.uniform(0.2, 1.0))
        seconds = course.length * dice.uniform(*_LENGTHS)


def judged(lived: Lived, quality: Quality) -> Report:
    """The figures of a run beside their bounds."""
    report, course = Report(machine()), lived.course
    _talk(report, lived, quality)
    group = f"growth from {course.warm / 60:.3g} to {course.minutes:g} min"
    for name, (unit, bound) in BOUNDS.items():
        found = _trend(lived.samples, name, course.warm)
        _row(report, found, bound, group=group, name=name, unit=unit)
    _disk(report, lived)
    return report


def _talk(report: Report, lived: Lived, quality: Quality) -> None:
    whole, course = lived.whole, lived.course
    group = f"{course.calls} conversations of {course.configuration.name}, {course.minutes:g} min"
    report.add(group, "calls", lived.answered, "", note=f"{course.length:g} s each in the mean")
    report.add(group, "refused", whole.refused, "", goal=0)
    report.add(group, "dropped by the server", whole.dropped, "", goal=0)
    heard, own = whole.heard, f"callers' own {whole.own_late_percent:.3f} %"
    report.add(
        *(group, "RTP more than 40 ms late", heard.late_percent, "%"),
        goal=quality.late_percent,
        note=f"of {heard.packets}; {own}",
    )
    report.add(group, "RTP lost", heard.lost_percent, "%", goal=quality.lost_percent)
    overhead, turns = whole.overhead_p95_ms, f"{whole.turns} turns"
    goal = quality.overhead_ms if course.configuration.turns else None
    report.add(group, "own part of a turn p95", overhead, "ms", goal=goal, note=turns)
    report.add(group, "CPU for each", whole.cpu_per_call, "% of core")


def _disk(report: Report, lived: Lived) -> None:
    course, left = lived.course, lived.kept
    group = f"disk from {course.ruled / 60:.3g} min on, records kept {course.keep} min"
    group = group if course.keep else "disk, everything kept"
    for name in _DISKS:
        found = _trend(lived.samples, name, course.ruled)
        bound = Bound(_DISK_GROWS * found.middle, 2.0) if course.keep else None
        _row(report, found, bound, group=group, name=name, unit="MiB")
    if left is not None and left.calls:
        each = left.bundle_bytes + left.recording_bytes + left.database_bytes
        report.add(group, "for each call", each / left.calls / 1024, "KiB", note=f"{left}")


def _row(
    report: Report, found: Trend, bound: Bound | None, *, group: str, name: str, unit: str
) -> None:
    """What it grew by over the time looked at, beside what it may."""
    goal = None if bound is None else round(bound.over(found.hours), 3)
    note = f"{found.an_hour:+.3g} an hour, {found.middle:.4g} in the middle"
    report.add(group, name, found.grew, unit, goal=goal, note=note)


def _trend(samples: Sequence[Sample], name: str, since: float) -> Trend:
    late = [sample for sample in samples if sample.at >= since]
    return trend([sample.at for sample in late], [float(getattr(s, name)) for s in late])


def _words(sample: Sample) -> str:
    return (
        f"{sample.at / 60:5.1f} min: {sample.calls} calls, {sample.finished} over, gateway"
        f" {sample.gateway_mib:.1f} MiB, worker {sample.worker_mib:.1f} MiB,"
        f" {sample.gateway_files} files, bundles {sample.bundles_mib:.1f} MiB,"
        f" database {sample.database_mib:.1f} MiB"
    )


def _given(arguments: argparse.Namespace) -> Course:
    settings: Mapping[str, Any] = {}
    if arguments.settings is not None:
        settings = dict(YAML(typ="safe").load(arguments.settings.read_text()) or {})
    return Course(
        arguments.calls,
        arguments.minutes,
        arguments.length,
        CONFIGURATIONS[arguments.configuration],
        arguments.keep,
        settings,
    )


def main() -> int:
    """Live through it, and say what came of it; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(prog="python -m sipagent.testing.capacity.hour")
    parser.add_argument("--calls", type=int, default=40, help="at once")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--length", type=float, default=180.0, help="seconds of a call, the mean")
    parser.add_argument(
        "--with", dest="configuration", choices=sorted(CONFIGURATIONS), default="recording"
    )
    parser.add_argument("--settings", type=Path, help="YAML: more keys of sipagent.yaml")
    parser.add_argument(
        "--keep", type=int, default=15, help="minutes that records are kept; 0: for ever"
    )
    parser.add_argument("--out", type=Path, default=Path("build/hour"), help="folder")
    given = parser.parse_args()
    course = _given(given)
    if course.keep and course.ruled > _RULED_MOST * 60 * course.minutes:
        least = course.ruled / 60 / _RULED_MOST
        parser.error(f"--keep {course.keep} wants {least:.0f} minutes at least; 0 keeps everything")
    given.out.mkdir(parents=True, exist_ok=True)

    def progress(words: str) -> None:
        sys.stderr.write(f"{words}\n")

    with tempfile.TemporaryDirectory(prefix="sipagent-hour-") as folder:
        lived = asyncio.run(live(Path(folder), course, progress))
    report = judged(lived, Quality())
    samples = [asdict(sample) for sample in lived.samples]
    left = None if lived.kept is None else asdict(lived.kept)
    told = {**report.as_dict(), "kept": left, "samples": samples}
    (given.out / "hour.json").write_text(json.dumps(told, indent=1))
    (given.out / "hour.svg").write_text(graphs(lived.samples, report))
    for line in report.lines():
        sys.stdout.write(f"{line}\n")
    return 1 if any(figure.met is False for figure in report.figures) else 0


if __name__ == "__main__":
    sys.exit(main())
