"""What a forked process does about its parent: its death (prctl(2), Linux), its random state."""

import ctypes
import os
import random
import signal
import sys

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


def reseed() -> None:
    """Do not draw the numbers our parent and its other children draw."""
    random.seed()
    # Asked for by its own name: numpy loads it late, which would cost every worker 9 ms.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
