"""Pool: which idle worker takes the next call, and how many more to fork."""

import asyncio
import os
from collections import deque

from sipagent.errors import CallError

from .handle import WorkerHandle, WorkerState

#: forks under way at once: more of them are all late together, and calls wait for nothing
AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
#: calls that wait for a fork at most: what comes in a burst is served a second later and not
#: refused; beyond, it would be too late anyway
LINE = 8 * AT_ONCE


class NoRoom(CallError):
    """No worker can be had now: the cap is reached, or the zygote is away."""

    status = 503


class Pool:
    """Idle workers, oldest first, and the calls that wait a moment for one."""

    def __init__(self, warm: int, cap: int) -> None:
        self.warm = min(warm, cap)
        self.cap = cap
        self._idle: deque[WorkerHandle] = deque()
        self._waiters: deque[asyncio.Future[WorkerHandle]] = deque()
        #: set while as many idle workers stand ready as should
        self.filled = asyncio.Event()
        self._note()

    def resize(self, warm: int, cap: int) -> None:
        """Other limits from now on; who is there stays."""
        self.warm, self.cap = min(warm, cap), cap
        self._note()

    @property
    def idle(self) -> int:
        """Workers that stand ready."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Calls that wait for a worker."""
        return len(self._waiters)

    def wanted(self, processes: int, spawning: int, more: int = 0) -> int:
        """How many to fork now, of `processes` that exist, `spawning` of them not ready yet.

        `more` calls are about to wait.
        """
        short = self.warm + self.waiting + more - self.idle - spawning
        return max(0, min(short, self.cap - processes, AT_ONCE - spawning))

    def offer(self, worker: WorkerHandle) -> None:
        """Hand an idle worker to the call that waits longest, or keep it ready."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._idle.append(worker)
        self._note()

    def take(self) -> WorkerHandle | None:
        """An idle worker, if one stands ready."""
        try:
            while self._idle:
                worker = self._idle.popleft()
                if worker.state is WorkerState.IDLE:  # and not dying meanwhile
                    return worker
            return None
        finally:
            self._note()

    async def wait(self, seconds: float) -> WorkerHandle:
        """The next worker to become idle. Raises NoRoom after `seconds`."""
        waiter: asyncio.Future[WorkerHandle] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                worker = await waiter
        except TimeoutError as error:
            self._give_back(waiter)
            raise NoRoom("no worker became ready in time") from error
        except asyncio.CancelledError:
            self._give_back(waiter)
            raise
        if worker.state is not WorkerState.IDLE:
            raise NoRoom("the worker was lost before it had the call")
        return worker

    def surplus(self) -> list[WorkerHandle]:
        """Idle workers beyond those that should stand ready: forked for calls that gave up."""
        return list(self._idle)[self.warm :] if not self._waiters else []

    def refuse_waiting(self, why: str) -> None:
        """Let nobody wait any longer: there is no worker to come."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(NoRoom(why))

    def discard(self, worker: WorkerHandle) -> None:
        """Forget a worker that is no longer idle."""
        if worker in self._idle:
            self._idle.remove(worker)
            self._note()

    def _give_back(self, waiter: asyncio.Future[WorkerHandle]) -> None:
        """A wait ended early; a worker that was handed over in the same moment is not lost."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            worker = waiter.result()
            if worker.state is WorkerState.IDLE:
                self.offer(worker)

    def _note(self) -> None:
        if len(self._idle) >= self.warm:
            self.filled.set()
        else:
            self.filled.clear()
