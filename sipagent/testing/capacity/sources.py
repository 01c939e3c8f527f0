"""Sources: what a server under test tells, and costs: here by /proc, elsewhere by /metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from statistics import median
from typing import Protocol

import httpx
from prometheus_client.parser import text_string_to_metric_families

from sipagent.testing.bench.server import BenchFailed, Server
from sipagent.worker.weights import Kind, family, proportional, weigh

from .steps import Cost

_MIB = 1 << 20
_SECONDS = 60.0
_OVERHEAD = "sipagent_turn_overhead_seconds_bucket"
_CPU = "sipagent_processes_cpu_seconds_total"
_RESIDENT = "sipagent_processes_resident_bytes"
_COUNT = "sipagent_processes"

#: how many values so far were at most so much, by that
Buckets = Mapping[float, float]
Cpu = Mapping[Kind, float]


@dataclass(frozen=True, slots=True)
class Scraped:
    """What a scrape told: samples by name and by their one label that matters, if any."""

    samples: Mapping[tuple[str, str], float]

    @property
    def overhead(self) -> Buckets:
        """Our own part of all turns so far, seconds."""
        return {
            inf if label == "+Inf" else float(label): value
            for (name, label), value in self.samples.items()
            if name == _OVERHEAD
        }

    def of(self, name: str, kind: Kind) -> float:
        """A sample of a kind of process; nan where the server tells none."""
        return self.samples.get((name, kind.value), nan)


class Source(Protocol):
    """Where the figures of a server come from."""

    async def overhead(self) -> Buckets:
        """See `Scraped.overhead`. Raises BenchFailed."""
        ...

    async def cpu(self) -> Cpu:
        """Seconds each kind of process has used so far. Raises BenchFailed."""
        ...

    async def memory(self) -> Cost:
        """Only what memory it holds. Raises BenchFailed."""
        ...


class Scrape:
    """Reads a server's /metrics, with a token that may `system:read`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def read(self) -> Scraped:
        """Now. Raises BenchFailed."""
        try:
            async with httpx.AsyncClient(timeout=_SECONDS) as client:
                answer = await client.get(self._url, headers=self._headers)
        except httpx.HTTPError as error:
            raise BenchFailed(f"{self._url}: {str(error) or type(error).__name__}") from error
        if answer.status_code != 200:
            raise BenchFailed(
                f"{self._url}: {answer.status_code}; /metrics wants a token with system:read"
            )
        return scraped(answer.text)


def scraped(text: str) -> Scraped:
    """What a scrape says. Raises BenchFailed where it is no text of Prometheus'."""
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError as error:
        raise BenchFailed(f"not Prometheus' text format: {error}") from error
    return Scraped(
        {
            (sample.name, sample.labels.get("le") or sample.labels.get("kind", "")): sample.value
            for family in families
            for sample in family.samples
            if sample.name in (_OVERHEAD, _CPU, _RESIDENT, _COUNT)
        }
    )


class Here:
    """A server on this machine: its processes are looked at from outside."""

    def __init__(self, server: Server, scrape: Scrape) -> None:
        self._server = server
        self._scrape = scrape

    async def overhead(self) -> Buckets:
        """See `Source`."""
        return (await self._scrape.read()).overhead

    async def cpu(self) -> Cpu:
        """See `Source`."""
        return {kind: weight.cpu_seconds for kind, weight in weigh(self._server.pid).items()}

    async def memory(self) -> Cost:
        """See `Source`. Proportional (PSS)."""
        held: dict[Kind, list[float]] = {kind: [] for kind in Kind}
        for pid, kind in family(self._server.pid):
            held[kind].append(proportional(pid) / _MIB)
        # those that wait for a call have not touched their memory yet
        workers = sorted(held[Kind.WORKER], reverse=True)
        busy = [size for size in workers if size > workers[0] / 2]
        return Cost(
            gateway_mib=sum(held[Kind.GATEWAY]),
            zygote_mib=sum(held[Kind.ZYGOTE]),
            worker_mib=median(busy) if busy else nan,
        )


class There:
    """A server elsewhere, which tells by its /metrics."""

    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    async def overhead(self) -> Buckets:
        """See `Source`."""
        return (await self._scrape.read()).overhead

    async def cpu(self) -> Cpu:
        """See `Source`."""
        told = await self._scrape.read()
        return {kind: told.of(_CPU, kind) for kind in Kind}

    async def memory(self) -> Cost:
        """See `Source`. Resident, which counts what processes share once for each of them."""
        told = await self._scrape.read()
        resident = {kind: told.of(_RESIDENT, kind) / _MIB for kind in Kind}
        workers = told.of(_COUNT, Kind.WORKER)
        return Cost(
            gateway_mib=resident[Kind.GATEWAY],
            zygote_mib=resident[Kind.ZYGOTE],
            worker_mib=resident[Kind.WORKER] / workers if workers else nan,
        )


class Nothing:
    """A server of which nothing but its calls can be seen."""

    async def overhead(self) -> Buckets:
        """See `Source`."""
        return {}

    async def cpu(self) -> Cpu:
        """See `Source`."""
        return dict.fromkeys(Kind, nan)

    async def memory(self) -> Cost:
        """See `Source`."""
        return Cost()


def turns(before: Buckets, after: Buckets) -> int:
    """Values there were in between."""
    return int(after.get(inf, 0) - before.get(inf, 0))


def quantile(before: Buckets, after: Buckets, share: float) -> float:
    """The value that this share of those in between did not exceed, as Prometheus reckons it: in
    a straight line through its bucket; nan for none.
    """
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    wanted = share * counts.get(inf, 0)
    if not wanted:
        return nan
    lower, below = 0.0, 0.0
    for bound, count in counts.items():
        if count >= wanted:
            return (
                lower
                if bound == inf
                else lower + (bound - lower) * (wanted - below) / (count - below)
            )
        lower, below = bound, count
    return nan


def machine_cpu() -> tuple[float, float]:
    """Seconds all processors together have worked so far, and seconds there were (proc(5))."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    ticks = [int(field) for field in fields]
    idle = ticks[3] + ticks[4]
    return float(sum(ticks) - idle), float(sum(ticks))
