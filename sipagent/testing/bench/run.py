"""One whole bench: start the server, measure one thing after the other."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sipagent.testing.pacer import keep_time

from .barge_in import barge_in
from .call_rate import call_rate
from .conversations import conversations
from .figures import Report, machine, middle
from .media_path import callers_alone, media_path
from .server import serving


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    echo_calls: tuple[int, ...] = (1, 20, 80)
    echo_seconds: float = 20.0
    rate: int = 50
    rate_seconds: float = 10.0
    conversations: tuple[int, ...] = (20, 100)
    conversation_seconds: float = 30.0
    barge_calls: int = 5
    barge_times: int = 4


FULL = Scale()
QUICK = Scale((1, 10), 6.0, 20, 3.0, (5,), 12.0, 2, 2)

#: what is next, its number, and how many there are
Progress = Callable[[str, int, int], None]
Measure = Callable[[], Awaitable[None]]


async def run_bench(scale: Scale, progress: Progress, *, repeat: int = 1) -> Report:
    """Measure everything `repeat` times, each time with a fresh server; the median of each
    figure. Raises BenchFailed.
    """
    keep_time(ahead=True)
    runs: list[Report] = []
    for number in range(repeat):
        of_many = f" (run {number + 1} of {repeat})" if repeat > 1 else ""

        def moved(name: str, step: int, steps: int, of_many: str = of_many) -> None:
            progress(name + of_many, step, steps)

        runs.append(await _run(scale, moved))
    return middle(runs)


async def _run(scale: Scale, progress: Progress) -> Report:
    report = Report(machine())
    cap = max(*scale.echo_calls, *scale.conversations, scale.rate) + 50
    with tempfile.TemporaryDirectory(prefix="sipagent-bench-") as folder:
        progress("starting the server", 0, 1)
        async with serving(Path(folder), calls=cap) as server:
            most, seconds = max(scale.echo_calls), scale.echo_seconds
            steps: list[tuple[str, Measure]] = [
                (f"{most} callers alone", partial(callers_alone, report, most, seconds / 2)),
                *(
                    (f"media path of {n}", partial(media_path, server, report, n, seconds))
                    for n in scale.echo_calls
                ),
                (
                    f"{scale.rate} calls/s",
                    partial(call_rate, server, report, scale.rate, scale.rate_seconds),
                ),
                (
                    "barge-in",
                    partial(barge_in, server, report, scale.barge_calls, scale.barge_times),
                ),
                *(
                    (
                        f"{n} conversations",
                        partial(conversations, server, report, n, scale.conversation_seconds),
                    )
                    for n in scale.conversations
                ),
            ]
            for number, (name, measure) in enumerate(steps):
                progress(name, number, len(steps))
                await measure()
            progress("done", len(steps), len(steps))
    return report
