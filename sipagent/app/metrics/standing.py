"""Standing: what is read off the server at every scrape: calls, workers, trunks, bans, records."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sipagent.edge.trunks.status import Reach, Standing, TrunkStatus
from sipagent.worker.handle import WorkerHandle, WorkerState


@dataclass(frozen=True, slots=True)
class View:
    """Where to look. `waiting` are events that the database has not got yet."""

    live: Callable[[], int]
    workers: Callable[[], Sequence[WorkerHandle]]
    trunks: Callable[[], Sequence[TrunkStatus]]
    bans: Callable[[], int]
    waiting: Callable[[], int]
    failing: Callable[[], bool]
    ready: Callable[[], bool]


class StandingCollector(Collector):
    """Gauges; made anew each time, so that a trunk that was taken out is gone."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        view = self._view
        yield _gauge("calls_live", "Calls that go on", view.live())
        yield _gauge("ready", "1 while calls are taken", view.ready())
        yield _gauge("bans", "Addresses that are not answered now", view.bans())
        yield _gauge("store_waiting_events", "Not yet in the database", view.waiting())
        yield _gauge("store_failing", "1 while the database takes nothing", view.failing())
        counts = Counter(worker.state for worker in view.workers())
        workers = _family("workers", "Worker processes by state", "state")
        for state in WorkerState:
            if state is not WorkerState.GONE:
                workers.add_metric([state.value], counts[state])
        yield workers
        yield from self._trunks()

    def _trunks(self) -> Iterator[Metric]:
        up = _family("trunk_up", "0: answers no OPTIONS, calls go by another", "trunk")
        registered = _family("trunk_registered", "1 while our registration holds", "trunk")
        calls = _family("trunk_calls", "Live calls through it", "trunk")
        for trunk in self._view.trunks():
            up.add_metric([trunk.name], trunk.reach is not Reach.DOWN)
            calls.add_metric([trunk.name], trunk.calls)
            if trunk.registration is not Standing.OFF:
                registered.add_metric([trunk.name], trunk.registration is Standing.REGISTERED)
        yield from (up, registered, calls)


def _family(name: str, what: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sipagent_{name}", what, labels=[label])


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sipagent_{name}", what, value=float(value))
