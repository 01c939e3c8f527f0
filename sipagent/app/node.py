"""Node: this server as one of several; alone where the settings name no cluster."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sipagent.api.calls import LiveCalls
from sipagent.api.nodes_view import Nodes as NodesDoor
from sipagent.api.operating import Drains as DrainsDoor
from sipagent.api.operating import System
from sipagent.api.packer import Packer
from sipagent.cluster.bus import Bus, Message
from sipagent.cluster.calls import ClusterCalls
from sipagent.cluster.draining import Drains
from sipagent.cluster.erasing import ErasingPeers
from sipagent.cluster.fetching import ClusterPacker
from sipagent.cluster.halls import Halls
from sipagent.cluster.host import Host
from sipagent.cluster.leases import Leases
from sipagent.cluster.nodes import Beat, Nodes
from sipagent.cluster.orphans import Orphans
from sipagent.cluster.others import Others
from sipagent.cluster.passes import Passes
from sipagent.cluster.serving import Serving
from sipagent.cluster.turns import LeasedTurns
from sipagent.config import Cluster, Settings
from sipagent.edge.front import Edge
from sipagent.meeting.desk import Desk, MeetingDesk
from sipagent.store.leases import LeaseBook
from sipagent.store.records import Store

from .live import Live
from .metrics.cluster import ClusterSeen
from .reception import NoRooms, Rooms
from .whereabouts import host_port

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Inside:
    """What a server has for itself, and other nodes want of it."""

    system: System
    live: Live
    packer: Packer
    store: Store
    edge: Edge


class Alone:
    """A server without a cluster."""

    nodes: NodesDoor | None = None
    drains: DrainsDoor | None = None
    passes: Rooms = NoRooms()
    seen: ClusterSeen | None = None

    def __init__(self, inside: Inside) -> None:
        self.calls: LiveCalls = inside.live
        self.packer = inside.packer

    def meetings(self, desk: MeetingDesk) -> Desk:
        """It has all there is."""
        return desk

    def start(self) -> None:
        """Nothing is begun."""

    async def close(self) -> None:
        """Nothing is left."""


class _Free(Message):
    """A lease that a node has let go of."""

    name: str


class Node:
    """A server of a cluster. Neither NATS nor the database is waited for: what needs them begins
    when they are there. `secret` is what no other server of the same name has, once it is known.
    """

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        inside: Inside,
        secret: Callable[[], bytes],
    ) -> None:
        """Raises ConfigError."""
        self._api = settings.api
        self._orphan_seconds = settings.limits.orphan_seconds
        self._cluster = cluster
        self._system = inside.system
        self._feed = inside.live.feed
        self._boot = secrets.token_hex(4)
        self.bus = Bus(cluster.nats, f"sipagent {cluster.node}")
        self.nodes = Nodes(self.bus, cluster.node, self._boot, self._beat)
        self.leases = Leases(
            LeaseBook(settings.store.database),
            lambda: f"{cluster.node}#{hashlib.sha256(secret()).hexdigest()[:16]}",
        )
        self.leases.on_free = self._freed
        self.bus.subscribe("free", _Free, lambda free: self.leases.freed(free.name))
        self.passes = Passes()
        self._halls: Halls | None = None
        self._turns = LeasedTurns(self.leases, cluster.front, self._others)
        inside.edge.turns = self._turns
        inside.store.node = cluster.node
        serving = Serving(cluster.node, self.bus, inside.live, inside.packer)
        others = Others(self.bus, self.nodes)
        self.erasing = ErasingPeers(cluster.node, self.bus, others)
        calls = ClusterCalls(inside.live, others, inside.store, self._why_full)
        self.calls: LiveCalls = calls
        self.packer: Packer = ClusterPacker(inside.packer, calls.files_at, others)
        self.nodes.gone += [serving.doings.gone, calls.finder.gone]
        self.nodes.heard.append(lambda beat: self._feed.follow(beat.mark))
        self.drains: DrainsDoor | None = Drains(self.bus, cluster.node, inside.system)
        self._orphans = Orphans(
            inside.store,
            self.nodes,
            lambda: self.leases.hold("orphans"),
            settings.limits.orphan_seconds,
            settings.limits.call_seconds,
        )

    @property
    def seen(self) -> ClusterSeen | None:
        """For metrics."""
        return ClusterSeen(self.nodes.view(), self.bus.requests, self.leases.held)

    def meetings(self, desk: MeetingDesk) -> Desk:
        """Calls of other nodes can have places at this desk, and ours at theirs; before `start`."""
        host = Host(
            desk,
            self.bus,
            self.passes,
            lambda: self._cluster.sip or self._system.status().sip,
            patience=self._orphan_seconds,
        )
        self._halls = Halls(self._cluster.node, desk, self.bus, self.leases, host)
        return self._halls

    def start(self) -> None:
        """Be seen; the edge must have been started."""
        log.info("cluster", node=self._cluster.node, servers=list(self._cluster.nats.servers))
        self.bus.start()
        self.nodes.start()
        self._orphans.start()
        if self._halls is not None:
            self._halls.start()

    async def close(self) -> None:
        """Say good-bye. Leases that are still held run out, or are ours again after a restart.
        Idempotent.
        """
        await self._orphans.close()
        await self.nodes.close()
        await self.leases.close()
        await self.bus.close()

    def _why_full(self) -> str:
        status = self._system.status()
        return status.why_not_ready or ("it drains" if status.draining else "")

    def _others(self) -> bool:
        return any(not beat.draining for beat in self.nodes.presence.live)

    def _freed(self, name: str) -> None:
        self.bus.publish("free", _Free(name=name))

    def _beat(self) -> Beat:
        status = self._system.status()
        return Beat(
            node=self._cluster.node,
            boot=self._boot,
            clock=time.time_ns() // 1000,
            mark=self._feed.mark(),
            version=status.version,
            started=status.started,
            sip=self._cluster.sip or status.sip,
            api=self._door(),
            calls=status.calls,
            capacity=status.limits.calls,
            draining=status.draining,
            why_not_ready=status.why_not_ready,
            registers=self._turns.held,
        )

    def _door(self) -> str:
        if self._api is None:
            return ""
        scheme = "https" if self._api.tls is not None else "http"
        return f"{scheme}://{host_port((self._api.host, self._api.port))}"


def node_of(settings: Settings, inside: Inside, secret: Callable[[], bytes]) -> Node | Alone:
    """What the settings make of this server. Raises ConfigError."""
    if settings.cluster is None:
        return Alone(inside)
    return Node(settings, settings.cluster, inside, secret)
