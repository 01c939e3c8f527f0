"""What a process is told when its parent dies (prctl(2), Linux)."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_the_parent(parent: int) -> None:
    """The kernel kills us when the thread that forked us ends; at once where it has already."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above could matter
        os._exit(1)


def outlive_the_parent() -> None:
    """From now on its death is nothing to us."""
    _libc.prctl(_PR_SET_PDEATHSIG, 0)
