"""Looking: where a scrape finds how the server stands."""

from collections.abc import Callable

from sipagent.edge.front import Edge
from sipagent.edge.hep.sender import Counts as Packets
from sipagent.store.records import Store
from sipagent.worker.supervisor import Supervisor

from ..ledger import Ledger
from ..tracing.tracer import Tracer
from ..uploading import Uploading
from .standing import View


def view_of(
    ledger: Ledger,
    edge: Edge,
    store: Store,
    workers: Callable[[], Supervisor | None],
    why_not_ready: Callable[[], str],
    *,
    tracer: Tracer,
    uploads: Callable[[], Uploading],
) -> View:
    """Of a server whose trunks are there once its workers are."""

    return View(
        live=lambda: ledger.live,
        workers=lambda: () if (known := workers()) is None else known.handles,
        trunks=lambda: edge.trunks.statuses if workers() is not None else (),
        bans=lambda: len(edge.doorman.bans),
        waiting=lambda: store.waiting,
        failing=lambda: store.failing,
        ready=lambda: not why_not_ready(),
        registrations=lambda: len(edge.bindings) if workers() is not None else 0,
        edge=edge.counters,
        spans=lambda: tracer.counts,
        hep=lambda: edge.capture.counts if edge.capture is not None else Packets(),
        uploads=uploads,
    )
