"""Leases: what at most one live node may have at a time, kept for as long as it lives."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from sipagent.store.leases import Held, LeasesAway
from sipagent.tasks import lasting, stopped

log = structlog.get_logger(__name__)
#: seconds; no timer is set for less
_MOMENT = 0.001


class Book(Protocol):
    """See `LeaseBook`: who has what, on record for all nodes."""

    async def take(self, name: str, holder: str, seconds: float) -> Held:
        """Raises LeasesAway."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Raises LeasesAway."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long a lease lives, how often it is renewed, how long before its end its holder
    leaves off, and after how many a database that did not answer is asked again.
    """

    life: float = 6.0
    renew: float = 2.0
    guard: float = 1.0
    again: float = 0.5


def boot_time() -> float:
    """Seconds that pass while the process or the whole machine stands still, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Tenure:
    """Whose a lease is, as far as this node knows, fed with time. It is ours until `deadline`,
    which lies before the moment at which the database lets others have it: that counts from when
    the answer was given, ours from before it was asked for.
    """

    def __init__(self, me: str, pace: Pace) -> None:
        self.holder = ""
        self.term = 0
        self.deadline = 0.0
        self._me = me
        self._pace = pace

    def ours(self, now: float) -> bool:
        """May we act as the holder at this moment?"""
        return now < self.deadline

    def answered(self, asked: float, held: Held) -> float:
        """What the database said to a question of the moment `asked`; seconds until the next."""
        self.holder, self.term = held.holder, held.term
        if held.holder != self._me:
            self.deadline = 0.0
            return max(0.05, min(held.seconds + 0.05, self._pace.renew))
        self.deadline = asked + self._pace.life - self._pace.guard
        return self._pace.renew

    def left(self) -> None:
        """We want it no more."""
        self.deadline = 0.0


class Lease:
    """One lease: `held` says whether it is ours at this very moment; ask it before each act.

    `on_gained` and `on_lost` are called as it comes and goes: while it is ours it is renewed, and
    where that cannot be done it is lost before somebody else can have it.
    """

    def __init__(
        self, name: str, book: Book, me: str, pace: Pace, now: Callable[[], float]
    ) -> None:
        self.name = name
        self.on_gained: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        #: why it cannot be had; empty while the database answers
        self.why = ""
        self._tenure = Tenure(me, pace)
        self._book = book
        self._me = me
        self._pace = pace
        self._now = now
        self._told = False
        self._hint = asyncio.Event()
        self._gained = asyncio.Event()
        self._task = lasting(self._keep(), f"lease {name}")

    @property
    def held(self) -> bool:
        """True while it is ours, by the clock and not by what was told last."""
        return self._tenure.ours(self._now())

    @property
    def holder(self) -> str:
        """The node that has it, as it was known last; empty where that is not known."""
        return self._tenure.holder.partition("#")[0]

    async def wait(self) -> None:
        """Until it is ours."""
        while not self.held:
            self._gained.clear()
            await self._gained.wait()

    def try_now(self) -> None:
        """Somebody let go of it, they say."""
        self._hint.set()

    async def stop(self) -> bool:
        """Renew it no more; True where it was ours. It runs out by itself. Idempotent."""
        await stopped(self._task)
        mine, told = self.held, self._told
        self._tenure.left()
        self._told = False
        if told:
            log.info("lease_left", lease=self.name)
            self.on_lost()
        return mine

    async def close(self) -> None:
        """Let go of it: another node may have it at once. Idempotent."""
        if await self.stop():
            try:
                await self._book.release(self.name, self._me)
            except LeasesAway as error:
                log.warning("lease_not_released", lease=self.name, cause=str(error))

    async def _keep(self) -> None:
        while True:
            self._hint.clear()  # a word that comes while we ask is about what is to be asked again
            await self._pause(await self._ask())

    async def _ask(self) -> float:
        """Take or renew it; seconds until the next time."""
        asked = self._now()
        asking = asyncio.ensure_future(self._book.take(self.name, self._me, self._pace.life))
        try:
            while not asking.done():
                # the lease may end while the database thinks
                await asyncio.wait({asking}, timeout=self._left())
                self._tell()
            wait = self._tenure.answered(asked, asking.result())
        except LeasesAway as error:
            if not self.why:
                log.error("lease_unsure", lease=self.name, cause=str(error))
            self.why = str(error)
            self._tell()
            return self._pace.again
        finally:
            asking.cancel()
        self.why = ""
        self._tell()
        return wait

    async def _pause(self, seconds: float) -> None:
        """Wait, and tell meanwhile when what is ours ends."""
        hinted = asyncio.ensure_future(self._hint.wait())
        end = self._now() + seconds
        try:
            while not hinted.done() and (rest := end - self._now()) > _MOMENT:
                left = self._left()
                await asyncio.wait({hinted}, timeout=rest if left is None else min(left, rest))
                self._tell()
        finally:
            hinted.cancel()

    def _left(self) -> float | None:
        """Seconds for which it is ours; None where it is not."""
        left = self._tenure.deadline - self._now()
        return max(left, _MOMENT) if left > 0 else None

    def _tell(self) -> None:
        if self.held == self._told:
            return
        self._told = self.held
        if self._told:
            log.info("lease_gained", lease=self.name, term=self._tenure.term)
            self._gained.set()
            self.on_gained()
        else:
            log.warning("lease_lost", lease=self.name, cause=self.why or "it is another node's")
            self.on_lost()


class Leases:
    """Leases of this node; `me` is its name, and what no other server that calls itself so has.
    It is asked for when the first lease is wanted.
    """

    def __init__(
        self,
        book: Book,
        me: Callable[[], str],
        pace: Pace | None = None,
        now: Callable[[], float] = boot_time,
    ) -> None:
        self._book = book
        self._me = me
        self._pace = pace or Pace()
        self._now = now
        self._leases: dict[str, Lease] = {}
        #: called with the name of each lease that is let go of
        self.on_free: Callable[[str], None] = lambda name: None

    def hold(self, name: str) -> Lease:
        """Try to have it, from now on until it is closed. The same for the same name."""
        if name not in self._leases:
            self._leases[name] = Lease(name, self._book, self._me(), self._pace, self._now)
        return self._leases[name]

    @property
    def held(self) -> list[str]:
        """Names of those that are ours at this moment."""
        return [lease.name for lease in self._leases.values() if lease.held]

    def freed(self, name: str) -> None:
        """Another node let go of it."""
        if name in self._leases:
            self._leases[name].try_now()

    async def leave(self, name: str) -> None:
        """Let go of it, and try no more. Idempotent."""
        lease = self._leases.pop(name, None)
        if lease is not None:
            await lease.close()
            self.on_free(name)

    async def close(self) -> None:
        """Stop. What is held runs out, unless we are back before that. Idempotent."""
        await asyncio.gather(*(lease.stop() for lease in self._leases.values()))
        self._leases.clear()
        await self._book.close()
