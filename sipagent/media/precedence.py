"""Precedence: threads that move sound are run before all that think (sched(7))."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: of SCHED_RR, 1 to 99: of the server's media threads, and of callers that measure it
MEDIA, MEASURING = 10, 20
_TASKS = Path("/proc/self/task")


@contextmanager
def ahead_of_others(*, wanted: bool = True) -> Iterator[None]:
    """Threads that begin within the block are run in real time, as far as the kernel lets this
    process: with CAP_SYS_NICE, or RLIMIT_RTPRIO of `MEDIA` and more.

    They wait for no ordinary thread then, of whatever process, and 20 ms stay 20 ms while other
    calls think. A thread that would not rest is kept to 95 % of a core by the kernel.
    """
    before = _threads() if wanted else set()
    yield
    for thread in _threads() - before if wanted else ():
        run_ahead(thread)


def run_ahead(thread: int = 0, priority: int = MEDIA) -> bool:
    """Have a thread of ours, 0 for this one, run in real time; what it starts runs as usual.
    False where the kernel does not allow it, or the thread is over already.
    """
    with suppress(OSError):
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread, policy, os.sched_param(priority))
        return True
    return False


def may_run_ahead() -> bool:
    """Whether the kernel would allow it, tried with a thread that does nothing else."""
    allowed: list[bool] = []
    trying = threading.Thread(target=lambda: allowed.append(run_ahead()))
    trying.start()
    trying.join()
    return allowed == [True]


def _threads() -> set[int]:
    return {int(task.name) for task in _TASKS.iterdir()}
