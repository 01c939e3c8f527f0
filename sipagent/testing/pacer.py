"""Pacer: one thread that gives every call its 20 ms tick, on absolute time."""

import gc
import heapq
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Protocol

from .rtp import FRAME_SECONDS

#: a new stream waits this long at most for its first tick while the thread sleeps
_NAP = 0.005
_GOLDEN = 0.6180339887
#: of SCHED_RR, 1 to 99
_PRIORITY = 10


class Ticking(Protocol):
    """Something with work every 20 ms."""

    def tick(self, due: float) -> bool:
        """Do it; `due` is the `perf_counter` time this tick was meant for. False ends it."""
        ...


class Pacer:
    """Ticks at `start + n * 20 ms`, so that nothing drifts; a tick that came late is made up
    for at once. Streams are spread over the 20 ms, so that a hundred do not send in one burst.
    The thread lives while there is something to tick.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heap: list[tuple[float, int, Ticking]] = []
        self._count = 0
        self._thread: threading.Thread | None = None
        #: whether the thread is to be run before whatever it measures
        self.ahead = False

    def add(self, stream: Ticking) -> None:
        """Tick `stream` from now on until it says no."""
        with self._lock:
            self._count += 1
            phase = (self._count * _GOLDEN) % 1.0 * FRAME_SECONDS
            heapq.heappush(self._heap, (time.perf_counter() + phase, self._count, stream))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rtp-pacer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        heap, lock, clock = self._heap, self._lock, time.perf_counter
        if self.ahead:
            _before_all()
        while True:
            with lock:
                if not heap:
                    self._thread = None
                    return
                due, number, stream = heap[0]
                wait = due - clock()
                if wait <= 0:
                    heapq.heappop(heap)
            if wait > 0:
                time.sleep(min(wait, _NAP))
            elif stream.tick(due):
                with lock:
                    heapq.heappush(heap, (due + FRAME_SECONDS, number, stream))


#: all calls of a process share it, as they share its clock
SHARED = Pacer()


def keep_time(*, ahead: bool = False) -> None:
    """Make this process fit for many calls: no full garbage collection of what is already here
    (it would stop the pacer for 30 ms), and a quick hand-over between threads. Call it once,
    when everything is imported and before the first call, on the thread of the loop.

    `ahead` runs it before the server that it measures, where the kernel allows that: callers are
    on machines of their own, and what they miss here is nothing the server did.
    """
    if ahead:
        SHARED.ahead = _before_all()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.0005)


def _before_all() -> bool:
    """Have this thread run in real time, and what it starts as usual; False where it may not."""
    with suppress(OSError):
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(_PRIORITY))
        return True
    return False
