"""Draining: any node has any other emptied, or take calls again, by the bus."""

import structlog

from sipagent.api.calls import OutsideError
from sipagent.api.operating import DrainAct, Draining, System

from .bus import Bus, BusError, Message, NobodyThere

log = structlog.get_logger(__name__)
#: a node gives its registrations up before it answers, seconds
_PATIENCE = 8.0


class Order(Message):
    """What a node is to do, and who says so (it was checked where they came in)."""

    act: DrainAct
    by: str = ""


class _Stand(Message):
    """How it stands then."""

    draining: bool
    calls: int


class NoSuchNode(OutsideError):
    """No node of that name lives."""

    status, kind = 404, "unknown-node"


class NodeAway(OutsideError):
    """It did not answer, or cannot be asked now; what came of it is not known."""

    status, kind = 503, "node-away"


class Drains:
    """The orders of this cluster: given to others, and carried out here."""

    def __init__(self, bus: Bus, name: str, system: System) -> None:
        """To be made before the bus is started."""
        self._bus = bus
        self._name = name
        self._system = system
        bus.serve(_subject(name), Order, self._ordered)

    async def order(self, node: str, act: DrainAct, by: str) -> Draining:
        """Have it done; how the node stands then. Raises NoSuchNode, NodeAway."""
        if node == self._name:
            return await self._do(act)
        if not node.replace("-", "").replace("_", "").isalnum():
            raise NoSuchNode(f"{node!r} is not the name of a node")
        try:
            asked = Order(act=act, by=by)
            stand = await self._bus.request(_subject(node), asked, _Stand, _PATIENCE)
        except NobodyThere as error:
            raise NoSuchNode(f"no node {node} lives; /v1/nodes lists them") from error
        except BusError as error:
            raise NodeAway(str(error)) from error
        return Draining(draining=stand.draining, calls=stand.calls)

    async def _ordered(self, order: Order) -> _Stand:
        log.info("ordered_by_another_node", act=order.act, by=order.by)
        stand = await self._do(order.act)
        return _Stand(draining=stand.draining, calls=stand.calls)

    async def _do(self, act: DrainAct) -> Draining:
        if act == "drain":
            return await self._system.drain()
        if act == "undrain":
            return await self._system.undrain()
        return self._system.draining()


def _subject(node: str) -> str:
    return f"drain.{node}"
