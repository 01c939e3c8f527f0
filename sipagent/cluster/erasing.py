"""Erasing: what nodes ask one another when a caller's data is to go from all of them."""

from collections.abc import Awaitable, Callable, Mapping

from sipagent.api.calls import Principal
from sipagent.api.keeping import Certificate, ErasureWish

from .asks import Who, subject
from .bus import Bus, Message
from .others import Others

#: seconds for a node's answer; it goes on where nobody waits any more
_PATIENCE = 30.0


class _Look(Message):
    """What would go?"""

    wish: ErasureWish
    who: Who


class _Settle(Message):
    """An erasure the node finds its part of in the database."""

    erasure: str


class _Settled(Message):
    """Nothing where the node had done it by itself."""

    certificate: Certificate | None = None


class ErasingPeers:
    """The other nodes, asked by the bus."""

    def __init__(self, me: str, bus: Bus, others: Others) -> None:
        self.me = me
        self._bus = bus
        self._others = others

    def others(self) -> Mapping[str, bool]:
        """Those that are known, and whether they live."""
        nodes = self._others.nodes
        return dict.fromkeys(nodes.missing, False) | dict.fromkeys(nodes.live, True)

    async def look(self, node: str, wish: ErasureWish, who: Principal) -> Certificate:
        """What a node would erase. Raises OutsideError."""
        asked = _Look(wish=wish, who=Who.of(who))
        return await self._others.ask(node, "look", asked, Certificate, _PATIENCE)

    async def settle(self, node: str, erasure: str) -> Certificate | None:
        """Have a node do what it is ordered to; None where it did so by itself meanwhile. Raises
        OutsideError.
        """
        asked = _Settle(erasure=erasure)
        return (await self._others.ask(node, "erase", asked, _Settled, _PATIENCE)).certificate

    def serve(
        self,
        look: Callable[[ErasureWish, Principal], Awaitable[Certificate]],
        settle: Callable[[str], Awaitable[Certificate | None]],
    ) -> None:
        """Answer the others; before the bus starts."""

        async def looked(asked: _Look) -> Certificate:
            return await look(asked.wish, asked.who.principal)

        async def settled(asked: _Settle) -> _Settled:
            return _Settled(certificate=await settle(asked.erasure))

        self._bus.serve(subject(self.me, "look"), _Look, looked)
        self._bus.serve(subject(self.me, "erase"), _Settle, settled)
