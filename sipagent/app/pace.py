"""Pace: how many calls a second begin from outside, by the settings of the moment."""

import asyncio

from sipagent.edge.guard import TokenBucket


class Pace:
    """A bucket that is another one as soon as the rate is."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._bucket: TokenBucket | None = None

    def allows(self, rate: float) -> bool:
        """True while fewer than `rate` a second have begun."""
        if self._bucket is None or rate != self._rate:
            self._rate = rate
            self._bucket = TokenBucket(rate, asyncio.get_running_loop().time)
        return self._bucket.take()
