"""Exposition: what a scrape gets."""

from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, ProcessCollector
from prometheus_client.exposition import choose_encoder

from sipagent.events import Event

from .cluster import ClusterCollector, ClusterSeen
from .counting import Counting
from .instruments import Instruments
from .processes import ProcessesCollector
from .standing import StandingCollector, View


class Metrics:
    """The metrics of this server since it began: its own, and those of its process."""

    def __init__(self, view: View, cluster: Callable[[], ClusterSeen | None]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._counting = Counting(Instruments(self._registry))
        self._registry.register(StandingCollector(view))
        self._registry.register(ClusterCollector(cluster))
        ProcessCollector(registry=self._registry)
        self._registry.register(ProcessesCollector())
        built = Info("sipagent_build", "This software", registry=self._registry)
        built.info({"version": version("sipagent")})

    def happened(self, event: Event) -> None:
        """Take an event of a call."""
        self._counting.happened(event)

    def exposed(self, accept: str = "") -> tuple[bytes, str]:
        """Everything as text, and its content type: OpenMetrics or Prometheus' own, by `accept`."""
        encode, kind = choose_encoder(accept)
        return encode(self._registry), kind
