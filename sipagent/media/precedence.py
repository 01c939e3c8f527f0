"""Precedence: threads that move sound come before those that think (sched(7), nice values)."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Not real time (SCHED_RR): at 100 conversations that kept the sound no better, and had the turns
#: wait 90 ms where it is 15 so.
NICENESS = -10
_TASKS = Path("/proc/self/task")


@contextmanager
def ahead_of_others(*, wanted: bool = True) -> Iterator[None]:
    """Threads that begin within the block come before others, as far as the kernel lets this
    process: with CAP_SYS_NICE, or RLIMIT_NICE of 30 and more.

    They wait less for ordinary threads then, of whatever process, and 20 ms stay 20 ms while other
    calls think; who computes much is slowed down no more than by what they use.
    """
    before = _threads() if wanted else set()
    yield
    for thread in _threads() - before if wanted else ():
        run_ahead(thread)


def run_ahead(thread: int = 0) -> bool:
    """Have a thread of ours, 0 for this one, come before others; what it starts runs as usual.
    False where the kernel does not allow it, or the thread is over already.
    """
    with suppress(OSError):
        os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
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
