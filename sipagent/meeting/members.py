"""Members of a queue: the phones it rings, which of them are free, and whose turn it is."""

from collections.abc import Collection, Sequence

from sipagent.config import Queue

#: a call has four legs: the caller, and these
AT_ONCE = 3


class Member:
    """One phone. `free_since` is when it last became free, on the queue's clock."""

    def __init__(self, target: str, free_since: float) -> None:
        self.target = target
        self.free_since = free_since
        self.busy = False


class Members:
    """Those of one queue, and the strategy that chooses among them."""

    def __init__(self, settings: Queue, now: float) -> None:
        self._strategy = settings.strategy
        self._wrap_up = settings.wrap_up_seconds
        self._all = [Member(target, now - settings.wrap_up_seconds) for target in settings.members]
        #: where round-robin goes on
        self._next = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def targets(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(member.target for member in self._all)

    def choose(self, now: float, tried: Collection[str]) -> Sequence[Member]:
        """Whom to ring now for a caller for whom `tried` were rung already; they are busy then."""
        free = [
            member
            for member in self._all
            if not member.busy
            and member.target not in tried
            and now - member.free_since >= self._wrap_up
        ]
        if not free:
            return ()
        if self._strategy == "ring-all":
            chosen = free[:AT_ONCE]
        elif self._strategy == "longest-idle":
            chosen = [min(free, key=lambda member: member.free_since)]
        else:
            chosen = [min(free, key=lambda m: (self._all.index(m) - self._next) % len(self._all))]
            self._next = self._all.index(chosen[0]) + 1
        for member in chosen:
            member.busy = True
        return chosen

    def occupy(self, target: str) -> Member | None:
        """This one is with a caller."""
        for member in self._all:
            if member.target == target:
                member.busy = True
                return member
        return None

    def free(self, member: Member, now: float, *, talked: bool) -> None:
        """Not rung, or not with a caller, any more; only who `talked` needs a pause."""
        member.busy = False
        member.free_since = now if talked else now - self._wrap_up

    def soonest(self, now: float) -> float | None:
        """Seconds until somebody's pause is over; None where nobody has one."""
        pauses = [self._wrap_up - (now - m.free_since) for m in self._all if not m.busy]
        waiting = [pause for pause in pauses if pause > 0]
        return min(waiting, default=None)
