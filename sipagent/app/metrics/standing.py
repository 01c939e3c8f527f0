"""Standing: what is read off the server at every scrape: calls, workers, trunks, bans, records."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from sipagent.edge.counters import Counters as Edge
from sipagent.edge.hep.sender import Counts as Packets
from sipagent.edge.trunks.status import Reach, Standing, TrunkStatus
from sipagent.worker.handle import WorkerHandle, WorkerState

from ..tracing.export import Counts as Spans
from ..uploading import Uploading
from .families import counter, gauge, gauges


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
    registrations: Callable[[], int]
    edge: Edge
    spans: Callable[[], Spans]
    hep: Callable[[], Packets]
    uploads: Callable[[], Uploading]


class StandingCollector(Collector):
    """Gauges; made anew each time, so that a trunk that was taken out is gone."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        view = self._view
        yield gauge("calls_live", "Calls that go on", view.live())
        yield gauge("ready", "1 while calls are taken", view.ready())
        yield gauge("bans", "Addresses that are not answered now", view.bans())
        yield gauge("registrations", "Contacts of our phones", view.registrations())
        yield gauge("store_waiting_events", "Not yet in the database", view.waiting())
        yield gauge("store_failing", "1 while the database takes nothing", view.failing())
        counts = Counter(worker.state for worker in view.workers())
        workers = gauges("workers", "Worker processes by state", "state")
        for state in WorkerState:
            if state is not WorkerState.GONE:
                workers.add_metric([state.value], counts[state])
        yield workers
        yield from self._trunks()
        yield from self._edge(view.edge)
        yield from self._told()
        yield from self._uploads(view.uploads())

    def _uploads(self, seen: Uploading) -> Iterator[Metric]:
        yield gauge("uploads_waiting", "Bundles not yet in object storage", seen.waiting)
        yield gauge("uploads_failing", "1 while object storage takes nothing", seen.failing)
        outcomes = {"sent": seen.sent, "failed": seen.failed}
        yield counter("uploads", "Attempts to upload a bundle", "outcome", outcomes)

    def _edge(self, seen: Edge) -> Iterator[Metric]:
        yield counter(
            "sip_messages", "SIP messages", "direction", {"in": seen.received, "out": seen.sent}
        )
        yield counter(
            "invites",
            "INVITEs that would begin a call",
            "outcome",
            {
                "admitted": seen.admitted,
                "refused": seen.refused,
                "challenged": seen.challenged,
                "cancelled": seen.cancelled,
            },
        )
        yield counter(
            "registers",
            "REGISTERs of phones, challenges left out",
            "outcome",
            {"granted": seen.registered, "refused": seen.register_refused},
        )
        yield counter(
            "sip_dropped",
            "Messages that were not read on",
            "why",
            {"bad": seen.bad, "silenced": seen.silenced, "turned_away": seen.turned_away},
        )
        yield counter("sources_banned", "Sources that were banned", "", {"": seen.banned})
        yield counter(
            "sources_forged",
            "Requests that claimed to speak for a source, as only a proxy of ours may",
            "",
            {"": seen.forged_source},
        )

    def _told(self) -> Iterator[Metric]:
        spans, hep = self._view.spans(), self._view.hep()
        outcomes = {"sent": spans.sent, "dropped": spans.dropped, "failed": spans.failed}
        yield counter("trace_spans", "Spans for the collector", "outcome", outcomes)
        told = {"sent": hep.sent, "dropped": hep.dropped}
        yield counter("hep_packets", "Packets for the capture server", "outcome", told)

    def _trunks(self) -> Iterator[Metric]:
        up = gauges("trunk_up", "0: answers no OPTIONS, calls go by another", "trunk")
        registered = gauges("trunk_registered", "1 while our registration holds", "trunk")
        calls = gauges("trunk_calls", "Live calls through it", "trunk")
        for trunk in self._view.trunks():
            up.add_metric([trunk.name], trunk.reach is not Reach.DOWN)
            calls.add_metric([trunk.name], trunk.calls)
            elsewhere = trunk.registration is Standing.ELSEWHERE and not trunk.why
            if trunk.registration is not Standing.OFF and not elsewhere:
                registered.add_metric([trunk.name], trunk.registration is Standing.REGISTERED)
        yield from (up, registered, calls)
