"""Docket: which event is tried next, and when. Pure: fed with time, seconds of any clock.

The events of a call go one after the other. A receiver that fails rests, for longer each time, and
is tried with one event until it takes one; an event it does not take rests by itself, so that it
holds up its own call and no other.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sipagent.edge.trunks.registration import backoff

from .spool import Entry

#: seconds between two attempts, at most
LONGEST = 300.0


@dataclass(slots=True)
class _Lane:
    """A call's events that wait, in order; the first may be on its way."""

    entries: deque[Entry] = field(default_factory=deque)
    failures: int = 0
    on_its_way: bool = False


class Docket:
    """Of one receiver. A lane is ready, resting or on its way."""

    def __init__(self, first_wait: float, chance: random.Random | None = None) -> None:
        self.first_wait = first_wait
        self._chance = chance or random.Random()  # noqa: S311 - spreads attempts, hides nothing
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._resting: list[tuple[float, str]] = []
        #: attempts in a row that failed, and until when nobody tries
        self.failures = 0
        self.rests_until = 0.0
        #: the same as the receiver itself asked for: what it takes meanwhile was on its way already
        self._asked_until = 0.0

    def add(self, entry: Entry) -> None:
        """It waits behind its call's others."""
        lane = self._lanes.get(entry.call_id)
        if lane is None:
            lane = self._lanes[entry.call_id] = _Lane()
            self._ready.append(entry.call_id)
        lane.entries.append(entry)

    def take(self, now: float, on_their_way: int) -> Entry | None:
        """The next to try, which is then on its way; None where there is none now."""
        if now < self.rests_until or (self.failures and on_their_way):
            return None
        while self._resting and self._resting[0][0] <= now:
            self._ready.append(heapq.heappop(self._resting)[1])
        if not self._ready:
            return None
        lane = self._lanes[self._ready.popleft()]
        lane.on_its_way = True
        return lane.entries[0]

    def taken(self, entry: Entry) -> None:
        """The receiver has it."""
        self.failures, self.rests_until = 0, self._asked_until
        self.gone(entry)

    def gone(self, entry: Entry) -> None:
        """What was on its way is not to be tried any more; its call's next follows."""
        lane = self._lanes.get(entry.call_id)
        if lane is None or lane.entries[0] is not entry:
            return
        lane.entries.popleft()
        lane.failures, lane.on_its_way = 0, False
        if lane.entries:
            self._ready.append(entry.call_id)
        else:
            del self._lanes[entry.call_id]

    def failed(self, entry: Entry, now: float, wait: float = 0.0) -> None:
        """It was not taken; the receiver asked to be left alone for `wait` seconds, if it did."""
        lane = self._lanes.get(entry.call_id)
        if lane is None or lane.entries[0] is not entry:
            return
        lane.failures, lane.on_its_way = lane.failures + 1, False
        self.failures += 1
        if wait:
            self._asked_until = now + wait
        self.rests_until = max(self._asked_until, now + self._pause(self.failures))
        # behind the receiver's own rest, so that another call's event is the next to try
        due = max(self.rests_until, now + self._pause(lane.failures))
        heapq.heappush(self._resting, (due, entry.call_id))

    def prune(self, holds: Callable[[Entry], bool]) -> None:
        """Forget what does not wait any more, but for what is on its way."""
        for call_id, lane in tuple(self._lanes.items()):
            flying = lane.entries[0] if lane.on_its_way else None
            lane.entries = deque(e for e in lane.entries if e is flying or holds(e))
            if not lane.entries:
                del self._lanes[call_id]
        self._ready = deque(call_id for call_id in self._ready if call_id in self._lanes)
        self._resting = [each for each in self._resting if each[1] in self._lanes]
        heapq.heapify(self._resting)

    def wake(self) -> None:
        """Somebody knows that the receiver is back: everything may be tried now."""
        self.rests_until = self._asked_until = 0.0
        self._ready.extend(call_id for _, call_id in sorted(self._resting))
        self._resting.clear()

    def next_at(self, now: float) -> float | None:
        """When there may be something to take; None: not before something happens."""
        if self._ready:
            return max(now, self.rests_until)
        if self._resting:
            return max(self._resting[0][0], self.rests_until)
        return None

    def _pause(self, failures: int) -> float:
        return backoff(failures, self.first_wait, self._chance, LONGEST)
