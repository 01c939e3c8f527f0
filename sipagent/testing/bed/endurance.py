"""Endurance: many calls of unbroken talk over SIP and RTP; nothing may grow, drift or stick.

`python -m sipagent.testing.bed.endurance --calls 20 --minutes 30`
"""

import argparse
import asyncio
import json
import sys
import time
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import nan
from pathlib import Path
from statistics import median

import numpy as np

from sipagent.events import Event, RecordingStarted, RecordingStopped, SpeechStarted
from sipagent.tasks import stopped
from sipagent.testing.bench.chart import chart
from sipagent.testing.bench.figures import Report, machine, percentile
from sipagent.testing.bench.server import Server
from sipagent.testing.pacer import keep_time

from .library import INTERRUPTIONS, QUESTIONS, SPEECH, VOICES, spoken
from .outcome import Outcome
from .real import Booking, Played, RealBed, Tried, real_bed
from .scenario import Scenario
from .trial import Trial

_MIB = 1 << 20
_WEIGH_SECONDS = 10.0
#: the first part of a run fills caches; growth counts from there on
_WARM = 0.2
#: a caller that got no answer for so long is stuck
_STUCK_MS = 60_000.0
_FOR_EVER = 1_000_000
#: seconds between two calls' beginnings
_APART = 0.1
#: a worker's resident memory may grow so much after the warm part, MiB
_WORKER_GROWS = 2.0
#: the gateway keeps the events of a call until its bundle is written, 1.4 KB each, and no more
_EVENT_BYTES = 1536.0
_DRIFT_MS = 20.0
#: pjmedia's clock skips what it is late by from half a second on; read off every few turns
_STOP_MS, _TURNS = 250.0, 5
#: part of a run that a call lasts unless it broke
_WHOLE = 0.9
#: a recording begins and ends within frames of what is on record
_ENDS_MS = 60.0
Progress = Callable[[str], None]


@dataclass(slots=True)
class Weights:
    """Resident memory in MiB: of the gateway, and of each call's worker in order of its start."""

    gateway: list[float] = field(default_factory=list)
    workers: dict[int, list[float]] = field(default_factory=dict)

    async def watch(self, server: Server, progress: Progress) -> None:
        """Weigh until cancelled."""
        began = time.monotonic()
        while True:
            gateway, workers = server.resident()
            self.gateway.append(gateway / _MIB)
            for pid, size in workers.items():
                self.workers.setdefault(pid, []).append(size / _MIB)
            if workers and len(self.gateway) % 6 == 0:
                minutes = (time.monotonic() - began) / 60
                most = max(workers.values()) / _MIB
                progress(f"{minutes:.0f} min: gateway {gateway / _MIB:.1f} MiB, worker {most:.1f}")
            await asyncio.sleep(_WEIGH_SECONDS)


def talkers(calls: int) -> tuple[Scenario, ...]:
    """Callers who ask and are answered, and callers who talk over a long speech, in turn."""
    asks = Scenario(
        name="asks",
        lines=spoken(QUESTIONS),
        times=_FOR_EVER,
        voices=VOICES,
        says="Thank you, that is a good question and this is what I can tell you about it.",
    )
    talks = Scenario(
        name="talks over",
        expects="yielded",
        lines=spoken(INTERRUPTIONS),
        times=_FOR_EVER,
        voices=VOICES,
        says=SPEECH,
    )
    return tuple(
        (asks if number % 2 else talks).model_copy(update={"seed": number + 1})
        for number in range(calls)
    )


async def endure(folder: Path, calls: int, minutes: float, progress: Progress) -> Report:
    """Talk for so long on so many calls. `folder` gets the records. Raises BenchFailed."""
    keep_time()
    agent, weights = Tried({"silence_seconds": 60}), Weights()
    bookings = [Booking(agent, scenario) for scenario in talkers(calls)]
    async with real_bed(folder, bookings, record=True) as bed:
        watching = asyncio.create_task(weights.watch(bed.server, progress))
        try:
            playing = [_call(bed, number, 60 * minutes) for number in range(calls)]
            played = await asyncio.gather(*playing)
        finally:
            await stopped(watching)
        outcomes = await bed.judged(played)
    return summed(outcomes, weights, minutes, folder)


async def _call(bed: RealBed, number: int, seconds: float) -> Played:
    await asyncio.sleep(number * _APART)
    return await bed.play(number, keep_seconds=30.0, seconds=seconds)


def summed(outcomes: Sequence[Outcome], weights: Weights, minutes: float, folder: Path) -> Report:
    """The figures of a run."""
    report = Report(machine())
    group = f"{len(outcomes)} calls of {minutes:g} minutes"
    _conversation(report, group, outcomes)
    _memory(report, weights, sum(len(outcome.events) for outcome in outcomes))
    _drift(report, outcomes, folder)
    return report


def _conversation(report: Report, group: str, outcomes: Sequence[Outcome]) -> None:
    trials = [trial for outcome in outcomes for trial in outcome.trials]
    met = sum(trial.met for trial in trials)
    broken = [outcome.broken for outcome in outcomes if outcome.broken]
    report.add(group, "turns and interruptions", len(trials), "", note=f"{met} as they should be")
    share = 100 * met / len(trials) if trials else nan
    report.add(group, "as they should be", share, "%", goal=95, better="higher")
    report.add(group, "calls that broke", len(broken), "", goal=0, note="; ".join(broken))
    gaps = [_longest_gap(outcome) for outcome in outcomes]
    stuck = sum(gap > _STUCK_MS for gap in gaps)
    note = f"longest time without a turn {max(gaps, default=nan) / 1000:.0f} s"
    report.add(group, "calls stuck", stuck, "", goal=0, note=note)
    for name, part in (("first", 0), ("last", -1)):
        answers = [t.answer_ms for o in outcomes for t in _fifth(o, part) if t.answer_ms]
        silences = [t.silent_ms for o in outcomes for t in _fifth(o, part) if t.silent_ms]
        report.add(group, f"answer p95, {name} fifth", percentile(answers, 95), "ms")
        report.add(group, f"silence p95, {name} fifth", percentile(silences, 95), "ms")


def _fifth(outcome: Outcome, which: int) -> Sequence[Trial]:
    size = max(1, len(outcome.trials) // 5)
    return outcome.trials[:size] if which == 0 else outcome.trials[-size:]


def _longest_gap(outcome: Outcome) -> float:
    times = [trial.at for trial in outcome.trials if trial.met]
    return max((after - before for before, after in pairwise(times)), default=float("inf"))


def _memory(report: Report, weights: Weights, events: int) -> None:
    group = "memory, resident"
    report.add(group, "gateway, end", weights.gateway[-1], "MiB")
    grown, kept = growth(weights.gateway), events * (1 - _WARM)
    note = f"{events} events of calls that were open to the end"
    report.add(group, "gateway, growth", grown, "MiB", note=note)
    each = grown * _MIB / kept if kept else nan
    report.add(group, "of it for an event of an open call", each, "B", goal=_EVENT_BYTES)
    longest = max(map(len, weights.workers.values()), default=0)
    talked = [sizes for sizes in weights.workers.values() if len(sizes) >= 0.9 * longest]
    used = [sizes for sizes in talked if max(sizes) - min(sizes) > 0.5]
    report.add(group, "worker, end, p50", median(s[-1] for s in used) if used else nan, "MiB")
    grown = max(map(growth, used), default=nan)
    note = f"the most of {len(used)} workers"
    report.add(group, "worker, growth", grown, "MiB", goal=_WORKER_GROWS, note=note)


def growth(sizes: Sequence[float]) -> float:
    """From the end of the warm part to the end: medians of a tenth of the run each, MiB."""
    tenth = max(1, len(sizes) // 10)
    warm = int(len(sizes) * _WARM)
    return median(sizes[-tenth:]) - median(sizes[warm : warm + tenth])


def _drift(report: Report, outcomes: Sequence[Outcome], folder: Path) -> None:
    group = "recordings and clocks"
    whole = [o.events for o in outcomes if any(isinstance(e, RecordingStopped) for e in o.events)]
    media = [abs(_against_media(events)) for events in whole]
    files = [abs(_against_file(events, folder)) for events in whole]
    # a call that broke early is too short to have a slope
    longest = max((outcome.seconds for outcome in outcomes), default=0.0)
    lasted = [outcome.events for outcome in outcomes if outcome.seconds >= _WHOLE * longest]
    clocks = [media_clock(events) for events in lasted]
    report.add(group, "calls without a whole recording", len(outcomes) - len(whole), "", goal=0)
    # not of the hour but of the two ends, each a frame or two: it does not grow with the call
    report.add(group, "recording against media clock", max(media, default=nan), "ms", goal=_ENDS_MS)
    report.add(group, "file against what is on record", max(files, default=nan), "ms", goal=0)
    report.add(
        *(group, "media clock against wall clock"),
        *(max((abs(clock.drift) for clock in clocks), default=nan), "ms/h"),
        goal=_DRIFT_MS,
        note=f"the steepest of {len(lasted)} calls",
    )
    # pjmedia's clock goes on from where it is when it was kept from running for so long
    stood = [clock.stood_still for clock in clocks]
    note = f"of {sum(ms > 0 for ms in stood)} calls, by a machine that ran something else"
    report.add(
        group, "media clock stood still, the longest", max(stood, default=nan), "ms", note=note
    )


def _recorded(events: Sequence[Event]) -> tuple[RecordingStarted, RecordingStopped]:
    begun = next(event for event in events if isinstance(event, RecordingStarted))
    return begun, next(event for event in events if isinstance(event, RecordingStopped))


def _against_media(events: Sequence[Event]) -> float:
    begun, ended = _recorded(events)
    return ended.duration_ms - (ended.t - begun.t)


def _against_file(events: Sequence[Event], folder: Path) -> float:
    begun, ended = _recorded(events)
    with wave.open(str(folder / "calls" / begun.call_id / Path(ended.path).name)) as file:
        return float(1000 * file.getnframes() / file.getframerate() - ended.duration_ms)


@dataclass(frozen=True, slots=True)
class Clock:
    """How a media clock went beside the wall clock: `drift` in ms an hour, and how long it stood
    still in all, ms, where the machine did not let it run for half a second or more at a time.
    """

    drift: float
    stood_still: float


def media_clock(events: Sequence[Event]) -> Clock:
    """From what the agent put on record at once: the least of every few turns, since a late
    process only adds. Stops are taken out before the slope is drawn: they are no drift.
    """
    pairs = [
        (event.t, 1000 * event.at.timestamp() - event.t)
        for event in events
        if isinstance(event, SpeechStarted) and event.speaker == "agent"
    ]
    parts = np.array_split(np.array(pairs), max(10, len(pairs) // _TURNS)) if pairs else []
    points = np.array([part[part[:, 1].argmin()] for part in parts if len(part)])
    if len(points) < 2:
        return Clock(nan, nan)
    steps = np.diff(points[:, 1])
    stops = np.where(steps >= _STOP_MS, steps, 0.0)
    behind = points[:, 1] - np.concatenate(([0.0], np.cumsum(stops)))
    slope = np.polyfit(points[:, 0], behind - behind[0], 1)[0]
    return Clock(float(slope * 3_600_000), float(stops.sum()))


def main() -> int:
    """Endure, and say what came of it; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m sipagent.testing.bed.endurance")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--out", type=Path, default=Path("build/endurance"), help="folder")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    def progress(words: str) -> None:
        sys.stderr.write(f"{words}\n")

    report = asyncio.run(endure(given.out, given.calls, given.minutes, progress))
    (given.out / "endurance.json").write_text(json.dumps(report.as_dict(), indent=2))
    (given.out / "endurance.svg").write_text(chart(report, "sipagent endurance"))
    for line in report.lines():
        sys.stdout.write(f"{line}\n")
    return 1 if any(figure.met is False for figure in report.figures) else 0


if __name__ == "__main__":
    sys.exit(main())
