"""Queues: callers in the order they came, and who takes the next of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from sipagent.call.meeting import Refused, Ring, Seated, Serve, Standing, Wait
from sipagent.config import Queue as QueueSettings

from .holder import Holder, Rooms
from .members import Member, Members
from .pairs import Pairs

#: takings the expected wait is made of
_REMEMBERED = 20


class Queue:
    """One queue. Nobody is met before everybody who came earlier is met, is being rung for, or
    has left. Those who call it to serve it wait in the order they came too.
    """

    def __init__(self, settings: QueueSettings, rooms: Rooms, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._members = Members(settings, now())
        self._waiting: list[Holder] = []
        self._servers: deque[Holder] = deque()
        #: the members that ring for a caller, and those who were rung in this round
        self._ringing: dict[Holder, tuple[Member, ...]] = {}
        self._tried: dict[Holder, set[str]] = {}
        self._talking: dict[Holder, Member] = {}
        self._pairs = Pairs(rooms)
        self._told: dict[Holder, Standing] = {}
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED)
        self._taken_at: float | None = None
        #: a later look, and the caller's round it is for
        self._again: asyncio.TimerHandle | None = None
        self._again_for: set[str] | None = None

    @property
    def size(self) -> int:
        """Callers who wait."""
        return len(self._waiting)

    @property
    def empty(self) -> bool:
        """True when nobody waits, serves or talks."""
        return not (self._waiting or self._servers or self._talking or len(self._pairs))

    def seat(self, holder: Holder, *, again: bool = False) -> None:
        """See `Registry`."""
        if again and holder.room:
            holder.tell(Seated())
            self._pairs.rejoin(holder)
        elif isinstance(holder.wish, Serve):
            holder.tell(Seated())
            self._servers.append(holder)
        elif self.size >= self._settings.max_size and not again:
            holder.tell(Refused(status=486, reason=f"the queue {_name(holder)} is full"))
            return
        else:
            holder.tell(Seated())
            self._waiting.append(holder)
            self._waiting.sort(key=lambda h: h.since)  # of those who come again, in any order
        self._match()

    def reported(self, holder: Holder, answered: str | None) -> None:
        """See `Registry`."""
        rung = self._ringing.pop(holder, ())
        if answered is None:
            self._tried.setdefault(holder, set()).update(member.target for member in rung)
        for member in rung:
            if member.target != answered:
                self._members.free(member, self._now(), talked=False)
        if answered is not None:
            self._answered(holder, answered)
        self._match()

    def leave(self, holder: Holder) -> None:
        """See `Registry`."""
        for member in self._ringing.pop(holder, ()):
            self._members.free(member, self._now(), talked=False)
        talked = self._talking.pop(holder, None)
        if talked is not None:
            self._members.free(talked, self._now(), talked=True)
        if holder in self._servers:
            self._servers.remove(holder)
        self._forget(holder)
        self._pairs.part(holder)
        self._match()

    def close(self) -> None:
        """Stop waiting for anything."""
        if self._again is not None:
            self._again.cancel()

    def _answered(self, holder: Holder, target: str) -> None:
        # Somebody who called to serve took this caller in the same moment: two are one too many.
        self._pairs.part(holder, "a member of the queue answered first")
        member = self._members.occupy(target)
        if member is not None:
            self._talking[holder] = member
        self._taken(holder)

    def _taken(self, holder: Holder) -> None:
        if holder not in self._waiting:
            return
        now = self._now()
        # the time between two takings tells something only while somebody waited all along
        begun = max(self._waiting[0].since, self._taken_at or 0.0)
        self._intervals.append(now - begun)
        self._taken_at = now
        self._forget(holder)

    def _forget(self, holder: Holder) -> None:
        if holder in self._waiting:
            self._waiting.remove(holder)
        self._tried.pop(holder, None)
        self._told.pop(holder, None)

    def _match(self) -> None:
        """Let meet who can, and tell everybody else where they stand."""
        while self._servers and self._waiting:
            caller, server = self._waiting[0], self._servers.popleft()
            for member in self._ringing.pop(caller, ()):
                self._members.free(member, self._now(), talked=False)
            self._taken(caller)
            self._pairs.join(caller, server)
        for caller in self._waiting:
            if caller not in self._ringing and not self._ring(caller):
                break
        for position, caller in enumerate(self._waiting, 1):
            standing = Standing(position=position, size=self.size, seconds=self._expected(position))
            before = self._told.get(caller)
            if before is None or (before.position, before.size) != (position, self.size):
                self._told[caller] = standing
                caller.tell(standing)

    def _ring(self, caller: Holder) -> bool:
        """Give this caller members to ring; False where nobody is free."""
        tried = self._tried.setdefault(caller, set())
        chosen = self._members.choose(self._now(), tried)
        if not chosen:
            self._later(caller, tried)
            return False
        self._ringing[caller] = tuple(chosen)
        targets = tuple(member.target for member in chosen)
        caller.tell(Ring(targets=targets, seconds=self._settings.ring_seconds))
        return True

    def _later(self, caller: Holder, tried: set[str]) -> None:
        """Nobody is free for the first who waits: look again when that may have changed."""
        pause = self._members.soonest(self._now())
        if tried:
            # a round is over: everybody free was rung in it
            pause = min(self._settings.retry_seconds, pause or self._settings.retry_seconds)
        if pause is None:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + pause + 0.001
        if self._again is not None:
            # callers who come meanwhile must not put it off
            if self._again_for is tried and self._again.when() <= due:
                return
            self._again.cancel()

        def again() -> None:
            self._again = None
            tried.clear()
            self._match()

        self._again, self._again_for = loop.call_at(due, again), tried

    def _expected(self, position: int) -> float | None:
        if not self._intervals:
            return None
        return position * sum(self._intervals) / len(self._intervals)


class Queues:
    """By name; those without settings exist as long as somebody is in them."""

    def __init__(
        self, settings: Mapping[str, QueueSettings], rooms: Rooms, now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._rooms = rooms
        self._now = now
        self._open: dict[str, Queue] = {}

    def size(self, name: str) -> int:
        """Callers who wait in it."""
        return self._open[name].size if name in self._open else 0

    def seat(self, holder: Holder, *, again: bool = False) -> None:
        """See `Registry`."""
        name = _name(holder)
        if name not in self._open:
            settings = self._settings.get(name, QueueSettings())
            self._open[name] = Queue(settings, self._rooms, self._now)
        self._open[name].seat(holder, again=again)

    def reported(self, holder: Holder, answered: str | None) -> None:
        """See `Registry`."""
        self._open[_name(holder)].reported(holder, answered)

    def leave(self, holder: Holder) -> None:
        """See `Registry`."""
        name = _name(holder)
        queue = self._open.get(name)
        if queue is None:
            return
        queue.leave(holder)
        # whom it parted from may have left meanwhile as well, and closed the queue
        if queue.empty and self._open.get(name) is queue and name not in self._settings:
            del self._open[name]
            queue.close()

    def close(self) -> None:
        """Stop waiting for anything."""
        for queue in self._open.values():
            queue.close()


def _name(holder: Holder) -> str:
    assert isinstance(holder.wish, Wait | Serve)
    return holder.wish.queue
