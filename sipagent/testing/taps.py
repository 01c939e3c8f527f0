"""FakeTapWires: the network's end of taps, kept in memory."""

import asyncio
from collections.abc import AsyncIterator

from sipagent.call.tap_wires import TapOrder, Track
from sipagent.errors import CallError


class FakeTapWire:
    """Keeps what it is sent; `say` comes back from the far end, `break_off` ends it."""

    def __init__(self, order: TapOrder) -> None:
        self.order = order
        self.sent: list[tuple[Track, bytes, int]] = []
        self.closed = False
        self._back: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def say(self, pcm: bytes | None) -> None:
        """Let the far end send audio back, or (None) take back what was not heard yet."""
        self._back.put_nowait(pcm)

    def break_off(self, reason: str) -> None:
        """Let the far end be gone."""
        self._failed.set_result(reason)

    def send(self, track: Track, pcm: bytes, t: int) -> None:
        """See `TapWire`."""
        self.sent.append((track, pcm, t))

    async def received(self) -> AsyncIterator[bytes | None]:
        """See `TapWire`."""
        while True:
            yield await self._back.get()

    async def failed(self) -> str:
        """See `TapWire`."""
        return await asyncio.shield(self._failed)

    async def close(self) -> tuple[int, int]:
        """See `TapWire`."""
        self.closed = True
        return len(self.sent), 0


class FakeTapWires:
    """Behind `TapWires`; `refuses` makes opening fail."""

    def __init__(self, refuses: str = "") -> None:
        self.wires: list[FakeTapWire] = []
        self._refuses = refuses

    async def open(self, order: TapOrder) -> FakeTapWire:
        """See `TapWires`."""
        if self._refuses:
            raise CallError(self._refuses)
        self.wires.append(FakeTapWire(order))
        return self.wires[-1]
