"""Token buckets by source, in bounded memory."""

from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """The entries last used, `room` at most: whoever was not seen for longest is forgotten."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._entries: dict[str, V] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> V | None:
        """By key; it is the latest then."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._entries[key] = entry
        return entry

    def put(self, key: str, entry: V) -> None:
        """As the latest."""
        self._entries.pop(key, None)
        self._entries[key] = entry
        if len(self._entries) > self._room:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: str) -> None:
        """Forget one."""
        self._entries.pop(key, None)


class Buckets:
    """`rate` a second for each source in the long run, `burst` at once.

    A bucket that is forgotten is full when its source comes again; what that could be worth to
    one who forges addresses is bounded by the bucket all strangers share.
    """

    def __init__(self, rate: float, burst: float, room: int) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        #: tokens, and when they were counted
        self._levels: Recent[tuple[float, float]] = Recent(room)

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, source: str, now: float) -> bool:
        """One more; False when it is too much."""
        known = self._levels.get(source)
        tokens = self._burst
        if known is not None:
            tokens = min(tokens, known[0] + (now - known[1]) * self._rate)
        enough = tokens >= 1.0
        self._levels.put(source, (tokens - 1.0 if enough else tokens, now))
        return enough
