"""Keys on a leg: those pressed by the far end, each once, to any number of readers; those to be
sent.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakSet

from sipagent.call.keypad import Key, KeyWay
from sipagent.errors import LegFailed

T = TypeVar("T")
KEYS = "0123456789*#ABCD"
#: the same key by another way within this time is the same press: an INFO is sent when the key is
#: let go, and may be late or sent again
ECHO_SECONDS = 1.5
#: a telephone-event lasts 8.19 s at most; a longer press goes on in another one (RFC 4733 2.5.1.3)
_SEGMENT_MS = 8000
_SEAM_MS = 60
#: what a reader has not taken yet; beyond it the oldest go
LIMIT = 64
_PAUSE = {"w": 0.5, "W": 1.0}
_TOKEN = re.compile(r"[wW]|[0-9*#A-Da-d]+")


class _Reader(AsyncIterator[T]):
    def __init__(self) -> None:
        self.waiting: deque[T] = deque(maxlen=LIMIT)
        self.arrived = asyncio.Event()
        self.ended = False

    async def __anext__(self) -> T:
        while not self.waiting:
            if self.ended:
                raise StopAsyncIteration
            self.arrived.clear()
            await self.arrived.wait()
        return self.waiting.popleft()


class Fan(Generic[T]):
    """Every reader gets everything told since it was opened. One that is dropped is forgotten."""

    def __init__(self) -> None:
        self._readers: WeakSet[_Reader[T]] = WeakSet()
        self._ended = False

    @property
    def read(self) -> bool:
        """True while somebody reads."""
        return bool(self._readers)

    def open(self) -> AsyncIterator[T]:
        """A reader of what is told from now on, until `end`."""
        reader: _Reader[T] = _Reader()
        reader.ended = self._ended
        self._readers.add(reader)
        return reader

    def tell(self, what: T) -> None:
        """Something arrived."""
        for reader in self._readers:
            reader.waiting.append(what)
            reader.arrived.set()

    def end(self) -> None:
        """Nothing will come any more: readers stop after what they have."""
        self._ended = True
        for reader in self._readers:
            reader.ended = True
            reader.arrived.set()


class DigitFan(Fan[Key]):
    """Keys to any number of readers."""

    def press(self, key: str) -> None:
        """A key arrived; a plain string counts as a telephone-event."""
        self.tell(key if isinstance(key, Key) else Key(key))


@dataclass(frozen=True, slots=True)
class Event:
    """What was told of a telephone-event: when it began, in RTP's time, and its length so far.

    Both in ms.
    """

    key: str
    timestamp: int
    duration: int


class Events:
    """Presses out of telephone-events: one for each timestamp (RFC 4733 section 2.5.2.2), so that
    neither repeated ends nor a lost beginning or end make two of one, or one of two.
    """

    def __init__(self) -> None:
        self._last: Event | None = None

    def is_press(self, event: Event) -> bool:
        """True for the first that is heard of a press."""
        last, self._last = self._last, event
        if last is None or event.key != last.key:
            return True
        if event.timestamp == last.timestamp:
            return False
        seam = event.timestamp - (last.timestamp + last.duration)
        return not (last.duration >= _SEGMENT_MS and abs(seam) <= _SEAM_MS)


class Duplicates:
    """Recognises one press that came by several ways: an INFO for a telephone-event, tones that
    leak into the audio beside either. Every way may tell of a press once.
    """

    def __init__(self) -> None:
        self._presses: deque[tuple[float, str, set[KeyWay]]] = deque(maxlen=LIMIT)

    def is_new(self, key: Key, now: float) -> bool:
        """True for a press that was not told before; `now` in seconds."""
        while self._presses and now - self._presses[0][0] > ECHO_SECONDS:
            self._presses.popleft()
        for _, known, ways in self._presses:
            if known == key and key.way not in ways:
                ways.add(key.way)
                return False
        self._presses.append((now, str(key), {key.way}))
        return True


def keystrokes(digits: str) -> list[str | float]:
    """`1ww2` as `["1", 0.5, 0.5, "2"]`: keys and pauses in seconds. Raises LegFailed (400)."""
    if _TOKEN.sub("", digits):
        raise LegFailed(400, "a key is one of 0-9 * # A-D, a pause w or W")
    strokes: list[str | float] = []
    for token in _TOKEN.findall(digits):
        strokes.extend([_PAUSE[token]] if token in _PAUSE else token.upper())
    return strokes
