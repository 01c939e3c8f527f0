"""Presence: whether a browser is there, and how its sound goes both ways."""

import asyncio

from sipagent.call.leg import Quality

from .connection import BrowserConnection

#: seconds from the offer until sound can pass
CONNECTING = 15.0
#: seconds without a packet after which the browser is gone: closing a tab says nothing else
SILENCE = 5.0
_LOOK = 0.5
_TICKS = 48  #: of the RTP clock in a millisecond


class Presence:
    """Of one connection, from its offer on."""

    def __init__(self, connection: BrowserConnection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._remote: tuple[int | None, float | None, float | None] = (None, None, None)

    @property
    def quality(self) -> Quality:
        """What its audio was like so far."""
        counts = self._connection.heard.counts
        lost, jitter, trip = self._remote
        return Quality(
            "opus",
            sent=self._connection.spoken.sent,
            received=counts.received,
            lost=counts.lost,
            jitter_ms=counts.jitter / _TICKS,
            remote_lost=lost,
            remote_jitter_ms=jitter,
            round_trip_ms=trip,
        )

    async def missed(self) -> str:
        """Wait until it is gone without a word; how that shows."""
        while not (why := self._why_missed()):
            self._remote = await self._connection.remote_report()
            await asyncio.sleep(_LOOK)
        return why

    def _why_missed(self) -> str:
        now, since = self._loop.time(), self._connection.connected_at
        if since is None:
            late = now - self._began > CONNECTING
            return f"the browser did not connect within {CONNECTING:g} s" if late else ""
        silent = now - max(since, self._connection.heard.last or 0.0) > SILENCE
        return f"nothing came from the browser for {SILENCE:g} s" if silent else ""
