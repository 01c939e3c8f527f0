"""Observing: who watches every call without a part in it: metrics, traces, the capture server."""

from collections.abc import Callable

from sipagent.config import Settings
from sipagent.edge.front import Edge
from sipagent.events import Event
from sipagent.store.records import Store
from sipagent.worker.supervisor import Supervisor

from .ledger import Ledger
from .metrics.cluster import ClusterSeen
from .metrics.exposition import Metrics
from .metrics.looking import view_of
from .tracing.tracer import Tracer
from .uploading import Uploading


class Observers:
    """Listeners of the ledger that cost calls nothing: none of them is waited for."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        edge: Edge,
        store: Store,
        *,
        workers: Callable[[], Supervisor | None],
        why_not_ready: Callable[[], str],
        uploads: Callable[[], Uploading],
        cluster: Callable[[], ClusterSeen | None],
    ) -> None:
        self.tracer = Tracer(settings, ledger.record)
        self._edge = edge
        view = view_of(
            ledger, edge, store, workers, why_not_ready, tracer=self.tracer, uploads=uploads
        )
        self.metrics = Metrics(view, cluster)
        ledger.listeners.append(self.happened)

    def start(self) -> None:
        """Begin to tell."""
        self.tracer.start()

    async def close(self) -> None:
        """Tell what waits, within a few seconds. Idempotent."""
        await self.tracer.close()

    def happened(self, event: Event) -> None:
        """An event of a call."""
        self.metrics.happened(event)
        self.tracer.happened(event)
        if self._edge.capture is not None:
            self._edge.capture.happened(event)
