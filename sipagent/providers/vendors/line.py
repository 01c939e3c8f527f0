"""Line: the connections of one organ to its vendor, opened early and again after they broke."""

import asyncio

import structlog

from sipagent.errors import ProviderError
from sipagent.tasks import Background

from .web_socket import Endpoint, Wire

_log = structlog.get_logger()


#: a server that ends connections younger than this does not want us, and is not asked again
_LIVED_SECONDS = 30.0


class Line:
    """The wires of one organ, by their URL: at most `most` of them, the longest unused goes. One
    that a vendor ended for having been idle is replaced at once, so that nobody waits for it.
    """

    def __init__(self, most: int = 1, *, lived_seconds: float = _LIVED_SECONDS) -> None:
        self._most = most
        self._lived_seconds = lived_seconds
        self._wires: dict[str, Wire] = {}
        self._opening = asyncio.Lock()
        self._closing = Background()
        self._again = Background()

    async def wire(self, endpoint: Endpoint) -> Wire:
        """The open wire to there, or a new one. Raises ProviderError."""
        async with self._opening:
            wire = self._wires.pop(endpoint.url, None)
            if wire is not None and wire.failure is not None:
                self._put_away(wire)
                wire = None
            if wire is None:
                wire = await Wire.open(endpoint)
                wire.on_failure = self._lost
            self._wires[endpoint.url] = wire
            while len(self._wires) > self._most:
                self._put_away(self._wires.pop(next(iter(self._wires))))
            return wire

    async def warm(self, endpoint: Endpoint) -> None:
        """Open it before it is needed. A failure is logged and no more: the first use will tell."""
        try:
            await self.wire(endpoint)
        except ProviderError as error:
            _log.warning("provider_not_warmed", provider=error.provider, cause=error.cause)

    def retire(self, wire: Wire) -> None:
        """It cannot be trusted any more; the next use opens another."""
        if self._wires.get(wire.endpoint.url) is wire:
            del self._wires[wire.endpoint.url]
            self._put_away(wire)

    async def aclose(self) -> None:
        """Close them all, and leave nothing running."""
        await self._again.stop()
        for wire in [*self._wires.values()]:
            self.retire(wire)
        await self._closing.done()

    def _put_away(self, wire: Wire) -> None:
        self._closing.start(wire.close())

    def _lost(self, wire: Wire) -> None:
        if self._wires.get(wire.endpoint.url) is wire and wire.age > self._lived_seconds:
            self._again.start(self.warm(wire.endpoint))
