"""Passes: addresses that are good once, for a moment: calls of other nodes come in by them."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from sipagent.worker.protocol import Visit

#: seconds in which a pass is good
LIFE = 30.0
#: passes out at a time; the oldest end before their time
_MOST = 10_000
_PREFIX = "meet-"


class Passes:
    """A pass is a number to be called, of 128 random bits: who knows it was told by the bus."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        #: where each leads, and its end; oldest first
        self._out: OrderedDict[str, tuple[Visit, float]] = OrderedDict()

    def issue(self, visit: Visit) -> str:
        """A number whose caller gets there."""
        number = _PREFIX + secrets.token_hex(16)
        self._out[number] = (visit, self._now() + LIFE)
        while len(self._out) > _MOST:
            self._out.popitem(last=False)
        return number

    def good(self, number: str) -> bool:
        """Would it let somebody in?"""
        out = self._out.get(number)
        return out is not None and self._now() < out[1]

    def redeem(self, number: str) -> Visit | None:
        """Where it leads; it is used up. None for one that is not, or no longer, good."""
        good = self.good(number)
        out = self._out.pop(number, None)
        return out[0] if good and out is not None else None
