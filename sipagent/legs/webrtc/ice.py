"""ICE as a server has it: one address, the ports of the settings, no questions to anybody."""

import asyncio
import secrets
from dataclasses import dataclass

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol
from aiortc import rtcicetransport

#: ports tried before there is none
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where browsers' media comes to: `host` is bound, `public` told beside it where a NAT stands
    between; ports `first` to `last`.
    """

    host: str
    public: str | None
    first: int
    last: int


class PinnedConnection(Connection):
    """One host candidate at `place`, none of any other interface (aioice would offer them all,
    and never loopback), on a port that a firewall knows.
    """

    place: Place

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: float = 5
    ) -> list[Candidate]:
        """Bind a port and offer it. Raises OSError where there is none."""
        protocol = await self._bound()
        host, port = protocol.transport.get_extra_info("sockname")[:2]
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=host,
            port=port,
            type="host",
        )
        self._protocols.append(protocol)
        return [protocol.local_candidate]

    async def _bound(self) -> StunProtocol:
        place, loop = self.place, asyncio.get_running_loop()
        for tries in range(_TRIES, 0, -1):
            # every worker draws from the same range: those that begin at its start collide
            port = place.first + secrets.randbelow(place.last - place.first + 1)
            try:
                _, protocol = await loop.create_datagram_endpoint(
                    lambda: StunProtocol(self), local_addr=(place.host, port)
                )
            except OSError:
                if tries == 1:
                    raise
                continue
            return protocol
        raise AssertionError("unreachable")


def pin(place: Place) -> None:
    """Have every connection of this process at `place` from now on."""
    PinnedConnection.place = place
    rtcicetransport.Connection = PinnedConnection  # type: ignore[attr-defined]
