"""Heart: signs of life, by which the end of calls that die with a server is told."""

import asyncio

from sipagent.tasks import lasting, stopped

from .state import State

#: between two of them, seconds
_BEAT = 5.0


class Heart:
    """Beats while the server serves."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._beating = lasting(self._beat(), "heart")

    async def close(self) -> None:
        """Stop. Idempotent."""
        if self._beating is not None:
            await stopped(self._beating)
            self._beating = None

    async def _beat(self) -> None:
        while True:
            self._state.beat()
            await asyncio.sleep(_BEAT)
