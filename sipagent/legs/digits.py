"""Keys on a leg: those pressed by the far end, to any number of readers; those to be sent."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from weakref import WeakSet

from sipagent.errors import LegFailed

#: keys a reader has not taken yet; beyond it the oldest go
LIMIT = 64
_PAUSE = {"w": 0.5, "W": 1.0}
_TOKEN = re.compile(r"[wW]|[0-9*#A-Da-d]+")


class _Reader(AsyncIterator[str]):
    def __init__(self) -> None:
        self.keys: deque[str] = deque(maxlen=LIMIT)
        self.arrived = asyncio.Event()
        self.ended = False

    async def __anext__(self) -> str:
        while not self.keys:
            if self.ended:
                raise StopAsyncIteration
            self.arrived.clear()
            await self.arrived.wait()
        return self.keys.popleft()


class DigitFan:
    """Every reader gets every key pressed since it was opened. One that is dropped is forgotten."""

    def __init__(self) -> None:
        self._readers: WeakSet[_Reader] = WeakSet()
        self._ended = False

    def open(self) -> AsyncIterator[str]:
        """A reader of the keys from now on, until `end`."""
        reader = _Reader()
        reader.ended = self._ended
        self._readers.add(reader)
        return reader

    def press(self, key: str) -> None:
        """A key arrived."""
        for reader in self._readers:
            reader.keys.append(key)
            reader.arrived.set()

    def end(self) -> None:
        """No key will come any more: readers stop after what they have."""
        self._ended = True
        for reader in self._readers:
            reader.ended = True
            reader.arrived.set()


def keystrokes(digits: str) -> list[str | float]:
    """`1ww2` as `["1", 0.5, 0.5, "2"]`: keys and pauses in seconds. Raises LegFailed (400)."""
    if _TOKEN.sub("", digits):
        raise LegFailed(400, "a key is one of 0-9 * # A-D, a pause w or W")
    strokes: list[str | float] = []
    for token in _TOKEN.findall(digits):
        strokes.extend([_PAUSE[token]] if token in _PAUSE else token.upper())
    return strokes
