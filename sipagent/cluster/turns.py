"""Turns by lease: the node that has a trunk's lease registers it for all."""

from collections.abc import Callable

from sipagent.config import Front
from sipagent.edge.desk import Address
from sipagent.edge.routing import told_address

from .leases import Lease, Leases

#: what the lease of a trunk is called
KIND = "registration"
_SIP_PORT = 5060


class LeasedTurn:
    """`Turn` of one trunk: its lease is wanted from the first `wait` on, until `leave`."""

    def __init__(
        self,
        trunk: str,
        leases: Leases,
        others: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        self._name = f"{KIND}:{trunk}"
        self._leases = leases
        self._others = others
        self._changed = changed
        self._lease: Lease | None = None

    @property
    def ours(self) -> bool:
        """See `Turn`."""
        return self._lease is not None and self._lease.held

    @property
    def holder(self) -> str:
        """See `Turn`."""
        return self._lease.holder if self._lease is not None else ""

    @property
    def why(self) -> str:
        """See `Turn`."""
        return self._lease.why if self._lease is not None else ""

    @property
    def goes_on(self) -> bool:
        """See `Turn`."""
        return self._others()

    async def wait(self) -> None:
        """See `Turn`."""
        lease = self._lease = self._leases.hold(self._name)
        lease.on_gained = lease.on_lost = self._changed
        await lease.wait()

    async def leave(self) -> None:
        """See `Turn`."""
        if self._lease is not None:
            self._lease = None
            await self._leases.leave(self._name)


class LeasedTurns:
    """`Turns` of all trunks. With a front every node's Contact is the same, so that a registration
    is simply taken on by the next; without one each takes its own back. `others` says whether
    another node lives that could go on.
    """

    def __init__(self, leases: Leases, front: Front | None, others: Callable[[], bool]) -> None:
        self.contact: Address | None = (
            told_address(front.address, ("", _SIP_PORT)) if front is not None else None
        )
        self._turns: dict[str, LeasedTurn] = {}
        self._leases = leases
        self._others = others

    def of(self, trunk: str, changed: Callable[[], None]) -> LeasedTurn:
        """See `Turns`."""
        turn = LeasedTurn(trunk, self._leases, self._goes_on, changed)
        self._turns[trunk] = turn
        return turn

    @property
    def held(self) -> tuple[str, ...]:
        """Trunks whose registration is this node's."""
        return tuple(sorted(trunk for trunk, turn in self._turns.items() if turn.ours))

    def _goes_on(self) -> bool:
        return self.contact is not None and self._others()
