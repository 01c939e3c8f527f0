"""Processes: what the gateway, the zygote and the workers use, read at every scrape."""

import os
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sipagent.worker.weights import weigh


class ProcessesCollector(Collector):
    """Of this process and those below it; `process_*` is of this one alone."""

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        number = GaugeMetricFamily("sipagent_processes", "That live, by kind", labels=["kind"])
        cpu = CounterMetricFamily(
            "sipagent_processes_cpu_seconds", "Of all of a kind, ended ones too", labels=["kind"]
        )
        memory = GaugeMetricFamily(
            *("sipagent_processes_resident_bytes", "What they share is counted for each"),
            labels=["kind"],
        )
        for kind, weight in weigh(os.getpid()).items():
            number.add_metric([kind.value], weight.processes)
            cpu.add_metric([kind.value], weight.cpu_seconds)
            memory.add_metric([kind.value], weight.resident_bytes)
        yield from (number, cpu, memory)
