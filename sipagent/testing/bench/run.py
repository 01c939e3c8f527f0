"""One whole bench: start the server, measure one thing after the other."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from .barge_in import barge_in
from .call_rate import call_rate
from .conversations import conversations
from .figures import Report, machine
from .media_path import media_path
from .server import Server, serving


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    echo_calls: tuple[int, ...] = (1, 20, 80)
    echo_seconds: float = 10.0
    rate: int = 50
    rate_seconds: float = 10.0
    conversations: tuple[int, ...] = (20, 100)
    conversation_seconds: float = 30.0
    barge_calls: int = 5
    barge_times: int = 4


FULL = Scale()
QUICK = Scale((1, 10), 4.0, 20, 3.0, (5,), 12.0, 2, 2)

Measure = Callable[[Server, Report], Awaitable[None]]


async def run_bench(scale: Scale, progress: Callable[[str, int, int], None]) -> Report:
    """Measure everything; `progress` gets what is next, its number, and how many there are."""
    steps: list[tuple[str, Measure]] = []
    for calls in scale.echo_calls:
        steps.append(
            (
                f"media path of {calls}",
                lambda s, r, n=calls: media_path(s, r, n, scale.echo_seconds),  # type: ignore[misc]
            )
        )
    steps.append(
        (f"{scale.rate} calls/s", lambda s, r: call_rate(s, r, scale.rate, scale.rate_seconds))
    )
    steps.append(("barge-in", lambda s, r: barge_in(s, r, scale.barge_calls, scale.barge_times)))
    for calls in scale.conversations:
        steps.append(
            (
                f"{calls} conversations",
                lambda s, r, n=calls: conversations(s, r, n, scale.conversation_seconds),  # type: ignore[misc]
            )
        )
    report = Report(machine())
    cap = max(*scale.echo_calls, *scale.conversations, scale.rate) + 50
    with tempfile.TemporaryDirectory(prefix="sipagent-bench-") as folder:
        progress("starting the server", 0, len(steps))
        async with serving(Path(folder), calls=cap) as server:
            for number, (name, measure) in enumerate(steps):
                progress(name, number, len(steps))
                await measure(server, report)
    progress("done", len(steps), len(steps))
    return report
