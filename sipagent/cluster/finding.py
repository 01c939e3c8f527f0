"""Finding: on which node a call lives."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

from . import asks
from .others import Others

#: calls of which it is known where they are
_KNOWN = 5_000


class Finder:
    """Asks the other nodes; a call never moves, so that what they said is remembered. `has` says
    whether one lives here.
    """

    def __init__(self, others: Others, has: Callable[[str], bool]) -> None:
        self._others = others
        self._nodes = others.nodes
        self._has = has
        self._where: OrderedDict[str, str] = OrderedDict()

    async def live_at(self, call_id: str) -> str | None:
        """The other node on which a call lives; None where it lives here, or nowhere."""
        if self._has(call_id):
            return None
        live = self._nodes.live
        if (known := self._where.get(call_id)) in live:
            return known
        asked = asks.OfCall(call_id=call_id)
        answers = await asyncio.gather(
            *(self._others.ask(node, "has", asked, asks.Has) for node in live),
            return_exceptions=True,
        )
        for node, answer in zip(live, answers, strict=True):
            if isinstance(answer, asks.Has) and answer.has:
                self.know(call_id, node)
                return node
        return None

    async def settled(self) -> Sequence[str]:
        """Have other nodes put on record what they know of calls that have just ended; those that
        did not say that they have.
        """
        live = self._nodes.live
        done = await asyncio.gather(
            *(self._others.ask(node, "settle", asks.Settle(), asks.Settle) for node in live),
            return_exceptions=True,
        )
        return [node for node, said in zip(live, done, strict=True) if isinstance(said, Exception)]

    def know(self, call_id: str, node: str) -> None:
        """It is there."""
        self._where[call_id] = node
        self._where.move_to_end(call_id)
        while len(self._where) > _KNOWN:
            self._where.popitem(last=False)

    def gone(self, node: str) -> None:
        """A node is gone: its calls may be elsewhere when they are seen again."""
        for call_id in [c for c, known in self._where.items() if known == node]:
            del self._where[call_id]
