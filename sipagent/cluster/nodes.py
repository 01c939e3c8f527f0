"""Nodes: who lives, by a sign of life each second over the bus."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from sipagent.api.nodes_view import BusView, NodeState, NodesView, NodeView
from sipagent.tasks import lasting, stopped

from .bus import Bus, Message

log = structlog.get_logger(__name__)

BEATS = "beats"
#: seconds between signs of life, without which a node is gone, and for which it is remembered
EVERY, SILENT, REMEMBERED = 1.0, 3.0, 86_400.0
#: nodes that are remembered at a time: a cluster is small, and names come from outside
_MOST = 500
#: clocks that differ by more, seconds, are told
_CLOCKS = 1.0


class Beat(Message):
    """A sign of life. `boot` tells a process from one before it that had the same name; `clock`
    is the sender's, in microseconds since 1970; `leaving`: the last one.
    """

    node: str
    boot: str
    clock: int
    #: numbers of events are beyond this from now on
    mark: int = 0
    version: str = ""
    started: datetime | None = None
    sip: str = ""
    api: str = ""
    calls: int = 0
    capacity: int = 0
    draining: bool = False
    why_not_ready: str = ""
    leaving: bool = False
    #: trunks whose registration it holds
    registers: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    """A node, and when it was heard last."""

    beat: Beat
    heard: float
    gone: bool = False


class Presence:
    """Who lives, fed with signs of life and with time. Seconds are of any clock that only grows.

    While this node hears nobody at all, and for a moment after, silence means nothing.
    """

    def __init__(self, me: str, boot: str) -> None:
        self._me = me
        self._boot = boot
        self._known: dict[str, _Known] = {}
        self._deaf = True
        self._hears_since = 0.0
        #: another process has our name
        self.twin = False

    def heard(self, beat: Beat, now: float) -> bool:
        """Take a sign of life; True for a node that was not there, or is another process now."""
        if beat.node == self._me:
            self.twin = self.twin or beat.boot != self._boot
            return False
        known = self._known.get(beat.node)
        if known is None and len(self._known) >= _MOST:
            return False
        back = known is None or known.gone or known.beat.boot != beat.boot
        self._known[beat.node] = _Known(beat, now, gone=beat.leaving)
        return back and not beat.leaving

    def hears(self, connected: bool, now: float) -> None:
        """The bus came or went."""
        self._deaf, self._hears_since = not connected, now

    def missed(self, now: float) -> list[str]:
        """Nodes that have been silent for too long, each told once."""
        if self._deaf:
            return []
        lost = []
        for name, known in list(self._known.items()):
            silent = now - max(known.heard, self._hears_since)
            if silent > REMEMBERED:
                del self._known[name]
            elif silent > SILENT and not known.gone:
                known.gone = True
                lost.append(name)
        return lost

    @property
    def live(self) -> list[Beat]:
        """The other nodes that live, by name, as far as can be known."""
        return [known.beat for _, known in sorted(self._known.items()) if not known.gone]

    def silence(self, node: str, now: float) -> float | None:
        """For how long a node has been silent while we could have heard it; None where that is
        not known, or it is we.
        """
        if self._deaf or node == self._me:
            return None
        known = self._known.get(node)
        return now - max(known.heard if known is not None else 0.0, self._hears_since)

    @property
    def missing(self) -> list[str]:
        """Nodes that are remembered, and do not live."""
        return [name for name, known in self._known.items() if known.gone]

    @property
    def left(self) -> list[str]:
        """Those of them that said good-bye."""
        return [name for name in self.missing if self._known[name].beat.leaving]

    def views(self, mine: Beat, now: float, why_deaf: str) -> tuple[NodeView, ...]:
        """All nodes by name, `mine` among them."""
        views = [_view(mine, _state(mine, gone=False, deaf=False), 0.0)]
        for known in self._known.values():
            silent = now - known.heard
            state = _state(known.beat, gone=known.gone, deaf=self._deaf)
            why = {
                NodeState.UNKNOWN: f"the bus is away: {why_deaf}",
                NodeState.GONE: f"not heard for {silent:.0f} s",
            }.get(state, known.beat.why_not_ready)
            ahead = (known.beat.clock - mine.clock) / 1e6 + silent
            view = _view(known.beat, state, silent).model_copy(
                update={"why": why, "clock_seconds": round(ahead, 3)}
            )
            views.append(view)
        return tuple(sorted(views, key=lambda view: view.node))


class Nodes:
    """Tells this node's life, and watches that of the others. `mine` makes a sign of life.

    `gone` are called with the name of a node that goes.
    """

    def __init__(self, bus: Bus, name: str, boot: str, mine: Callable[[], Beat]) -> None:
        self.name = name
        self.presence = Presence(name, boot)
        self.gone: list[Callable[[str], None]] = []
        #: called with each sign of life of another node
        self.heard: list[Callable[[Beat], None]] = []
        self._bus = bus
        self._mine = mine
        self._telling: asyncio.Task[None] | None = None
        self._clocks: set[str] = set()
        self._news = asyncio.Event()
        bus.subscribe(BEATS, Beat, self._heard)
        bus.changed = self._changed

    @property
    def live(self) -> list[str]:
        """Names of the other nodes that live."""
        return [beat.node for beat in self.presence.live]

    def silence(self, node: str) -> float | None:
        """For how long, in seconds, a node has been silent though we hear others could be heard."""
        return self.presence.silence(node, _now())

    @property
    def missing(self) -> list[str]:
        """Names of nodes that are remembered, and do not live."""
        return self.presence.missing

    @property
    def left(self) -> list[str]:
        """Those of them that said good-bye."""
        return self.presence.left

    async def lost(self, node: str) -> None:
        """Until a node is gone, or cannot be heard any more."""
        while self._bus.connected and node in self.live:
            self._news.clear()
            await self._news.wait()

    def start(self) -> None:
        """Begin; the bus is started by whoever made it."""
        self._telling = lasting(self._tell_for_ever(), "presence")

    def tell(self) -> None:
        """Something changed that others should know at once."""
        self._bus.publish(BEATS, self._mine())

    async def close(self) -> None:
        """Say good-bye. Idempotent."""
        if self._telling is not None:
            await stopped(self._telling)
            self._telling = None
            self._bus.publish(BEATS, self._mine().model_copy(update={"leaving": True}))

    def view(self) -> NodesView:
        """See `sipagent.api.nodes.Nodes`."""
        bus = BusView(
            connected=self._bus.connected, why=self._bus.why_away, dropped=self._bus.dropped
        )
        nodes = self.presence.views(self._mine(), _now(), self._bus.why_away)
        return NodesView(node=self.name, bus=bus, nodes=nodes)

    def _heard(self, beat: Beat) -> None:
        twin = self.presence.twin
        back = self.presence.heard(beat, _now())
        if self.presence.twin and not twin:
            log.critical("node_name_taken", node=self.name, hint="give each node its cluster.node")
        if beat.node == self.name:
            return
        if back:
            log.info("node_joined", node=beat.node, sip=beat.sip, version=beat.version)
            self.tell()  # who comes need not wait to know us
        elif beat.leaving:
            self._lost(beat.node, "left")
        self._compare(beat)
        for take in self.heard:
            take(beat)

    def _compare(self, beat: Beat) -> None:
        apart = abs(beat.clock - self._mine().clock) / 1e6
        if apart > _CLOCKS and beat.node not in self._clocks:
            self._clocks.add(beat.node)
            log.warning("node_clock_differs", node=beat.node, seconds=round(apart, 1))
        elif apart <= _CLOCKS:
            self._clocks.discard(beat.node)

    def _changed(self, connected: bool) -> None:
        self.presence.hears(connected, _now())
        self._news.set()
        if connected:
            self.tell()

    def _lost(self, node: str, how: str) -> None:
        log.warning("node_gone", node=node, how=how)
        self._news.set()
        for call in self.gone:
            call(node)

    async def _tell_for_ever(self) -> None:
        while True:
            self.tell()
            for node in self.presence.missed(_now()):
                self._lost(node, f"silent for {SILENT:g} s")
            await asyncio.sleep(EVERY)


def _state(beat: Beat, *, gone: bool, deaf: bool) -> NodeState:
    if beat.leaving:
        return NodeState.LEFT
    if deaf:
        return NodeState.UNKNOWN
    if gone:
        return NodeState.GONE
    if beat.draining:
        return NodeState.DRAINING
    return NodeState.NOT_READY if beat.why_not_ready else NodeState.UP


def _view(beat: Beat, state: NodeState, silent: float) -> NodeView:
    return NodeView(
        node=beat.node,
        state=state,
        why=beat.why_not_ready,
        version=beat.version,
        started=beat.started,
        sip=beat.sip,
        api=beat.api,
        calls=beat.calls,
        capacity=beat.capacity,
        registers=beat.registers,
        heard_seconds=round(silent, 1),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
