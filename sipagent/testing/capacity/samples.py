"""Samples: what a server holds, looked at from outside every few seconds."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from statistics import median

from sipagent.testing.bench.server import Server
from sipagent.worker.weights import Kind, descriptors, family, proportional, resident, threads

from .kept import below, disk

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """At one moment, `at` seconds since the first. Memory and disk in MiB, memory of gateway and
    zygote resident and with its share (PSS); of workers the median of those that have a call.
    """

    at: float
    calls: int
    finished: int
    gateway_mib: float
    gateway_pss_mib: float
    zygote_mib: float
    worker_mib: float
    workers: int
    gateway_files: int
    #: of workers, the most of one
    worker_files: int
    gateway_threads: int
    bundles_mib: float
    database_mib: float
    #: the server's own state, its audit chain
    rest_mib: float


@dataclass(slots=True)
class Sampler:
    """Of a server, `calls` of whose are live now and `finished` over."""

    server: Server
    live: Callable[[], int]
    finished: Callable[[], int]
    samples: list[Sample] = field(default_factory=list)

    async def watch(self, seconds: float, told: Callable[[Sample], None]) -> None:
        """Every so many seconds, until cancelled."""
        loop = asyncio.get_running_loop()
        began, due = time.monotonic(), loop.time()
        while True:
            sample = await asyncio.to_thread(self._sample, time.monotonic() - began)
            self.samples.append(sample)
            told(sample)
            due += seconds
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _sample(self, at: float) -> Sample:
        gateway, folder = self.server.pid, self.server.folder
        members = list(family(gateway))
        zygotes = [pid for pid, kind in members if kind is Kind.ZYGOTE]
        workers = [pid for pid, kind in members if kind is Kind.WORKER]
        # not the log, which nobody rotates here
        files = [file for file in below(folder) if file.suffix != ".log"]
        records = [file for file in files if _of_a_call(file.relative_to(folder))]
        whole, bundles = disk(files) / _MIB, disk(records) / _MIB
        database = disk(folder.glob("*.sqlite3*")) / _MIB
        return Sample(
            at=round(at, 2),
            calls=self.live(),
            finished=self.finished(),
            gateway_mib=resident(gateway) / _MIB,
            gateway_pss_mib=proportional(gateway) / _MIB,
            zygote_mib=sum(map(resident, zygotes)) / _MIB,
            worker_mib=_busy([proportional(pid) / _MIB for pid in workers], self.live()),
            workers=len(workers),
            gateway_files=descriptors(gateway),
            worker_files=max(map(descriptors, workers), default=0),
            gateway_threads=threads(gateway),
            bundles_mib=bundles,
            database_mib=database,
            rest_mib=whole - bundles - database,
        )


def _busy(sizes: list[float], calls: int) -> float:
    """The median of as many of the largest as there are calls: others wait for one."""
    held = sorted((size for size in sizes if size), reverse=True)[:calls]
    return median(held) if held else nan


def _of_a_call(file: Path) -> bool:
    """In a bundle, and not in the server's state beside them."""
    folder, *rest = file.parts
    return folder == "calls" and len(rest) > 1 and not rest[0].startswith(".")
