"""Cluster: the nodes, the bus and this node's leases, read at every scrape."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sipagent.api.nodes_view import NodeState, NodesView

from .families import counter, gauges

#: every outcome is there from the beginning, so that its first increase is one
_OUTCOMES = ("answered", "refused", "timed_out", "nobody", "away", "too_big")
#: what is known of a node that is not heard is old: it is not told
_HEARD = (NodeState.UP, NodeState.DRAINING, NodeState.NOT_READY)


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """The cluster as this node sees it: its `requests` by what came of them, `leases` by name."""

    nodes: NodesView
    requests: Mapping[str, int]
    leases: Sequence[str]


class ClusterCollector(Collector):
    """A server that is alone has the names of these metrics, and no samples."""

    def __init__(self, look: Callable[[], ClusterSeen | None]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        seen = self._look()
        yield from _nodes(seen.nodes if seen is not None else None)
        connected = GaugeMetricFamily("sipagent_bus_connected", "1 while NATS is there")
        dropped, requests = dict[str, int](), dict[str, int]()
        held = gauges("leases_held", "Leases of this node, by what they are for", "kind")
        if seen is not None:
            bus = seen.nodes.bus
            connected.add_metric([], bus.connected)
            dropped = {"": bus.dropped}
            requests = dict.fromkeys(_OUTCOMES, 0) | dict(seen.requests)
            for kind, count in Counter(name.partition(":")[0] for name in seen.leases).items():
                held.add_metric([kind], count)
        yield connected
        yield counter("bus_dropped", "Messages that nobody was told", "", dropped)
        yield counter("bus_requests", "What we asked other nodes", "outcome", requests)
        yield held


def _nodes(seen: NodesView | None) -> Iterator[Metric]:
    up = gauges("node_up", "0: it was not heard for seconds, and did not say good-bye", "node")
    draining = gauges("node_draining", "1 while it is emptied", "node")
    calls = gauges("node_calls", "Calls that live on it", "node")
    capacity = gauges("node_capacity", "Calls it takes at once", "node")
    for node in seen.nodes if seen is not None else ():
        if node.state in _HEARD:
            up.add_metric([node.node], 1)
            draining.add_metric([node.node], node.state is NodeState.DRAINING)
            calls.add_metric([node.node], node.calls)
            capacity.add_metric([node.node], node.capacity)
        elif node.state is NodeState.GONE:
            up.add_metric([node.node], 0)
    yield from (up, draining, calls, capacity)
