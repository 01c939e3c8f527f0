"""Tally: what happened to workers, in figures."""

import statistics
from collections import Counter, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of now, and counts since the start."""

    processes: int
    idle: int
    calls: int
    #: `spawned`, `taken`, `refused`, `finished`, `lost`, `zygote_restarts`
    counts: dict[str, int]
    #: p50 and p95 of the last 500 spawns in ms, from asking the zygote to Ready
    spawn_ms: tuple[float, float] | None


class Tally:
    """Counts and spawn times."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._spawn_seconds: deque[float] = deque(maxlen=500)

    def spawned(self, seconds: float) -> None:
        """A worker became ready after so long."""
        self.counts["spawned"] += 1
        self._spawn_seconds.append(seconds)

    def spawn_ms(self) -> tuple[float, float] | None:
        """p50 and p95, as `Stats.spawn_ms`."""
        if len(self._spawn_seconds) < 2:
            return None
        cuts = statistics.quantiles(self._spawn_seconds, n=20, method="inclusive")
        return cuts[9] * 1e3, cuts[18] * 1e3
