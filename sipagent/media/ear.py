"""Ear: what a port has heard and nobody has taken yet, and how soon the loop is told of it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .frames import FRAME_MS, Frame


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is heard may wait before the loop is woken for it: until the clock is at a
    multiple of `frames`, so that all who are patient wake the loop together; or until a frame has
    a sample above `quiet` (16-bit units), where there is such a bound.

    A wake-up costs more than most of what is done with a frame.
    """

    frames: int = 1
    quiet: int | None = None

    def ends(self, pcm: bytes, t: int) -> bool:
        """Is the loop to be woken for what was heard at `t`, media-clock ms?"""
        if t % (self.frames * FRAME_MS) == 0:
            return True
        if self.quiet is None or pcm == bytes(len(pcm)):
            return False
        return int(np.frombuffer(pcm, "<i2").max()) > self.quiet


#: every frame at once
AT_ONCE = Patience()


class Ear(Protocol):
    """A bounded queue of heard frames that drops the oldest: live audio that is late is worthless.

    `push` belongs to the media thread, everything else to the event loop, which is told (`wake`
    of the port) as `patience` says.
    """

    @property
    def patience(self) -> Patience:
        """How soon the loop is told."""
        ...

    @patience.setter
    def patience(self, patience: Patience) -> None: ...

    @property
    def waiting(self) -> int:
        """Frames that were heard and not taken."""
        ...

    def take(self) -> Frame | None:
        """The oldest that waits."""
        ...

    def rest(self) -> bool:
        """The loop has looked, and is to be told again. True where it may sleep: nothing waits
        that it had to be told of.
        """
        ...

    def push(self, pcm: bytes, t: int) -> None:
        """One more frame, heard at `t`, media-clock ms."""
        ...

    def parted(self) -> "Ear":
        """What a closed port goes on with, all that waits included: this one may serve another."""
        ...


class QueuedEar:
    """An Ear in Python. `on_due` is called on the media thread."""

    def __init__(self, limit: int, on_due: Callable[[], None], heard: Iterable[Frame] = ()) -> None:
        """`limit` is in frames; `heard` waits already."""
        self.patience = AT_ONCE
        self._on_due = on_due
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque(heard, maxlen=limit)
        self._heard = len(self._frames)
        #: the loop had to be told of what was heard so far
        self._urgent = 0
        #: the loop was told, and has not looked yet
        self._woken = False

    @property
    def waiting(self) -> int:
        """See Ear."""
        return len(self._frames)

    def take(self) -> Frame | None:
        """See Ear."""
        with self._lock:
            return self._frames.popleft() if self._frames else None

    def rest(self) -> bool:
        """See Ear."""
        with self._lock:
            self._woken = False
            return self._urgent <= self._heard - len(self._frames)

    def push(self, pcm: bytes, t: int) -> None:
        """See Ear."""
        with self._lock:
            self._frames.append(Frame(pcm, t))
            self._heard += 1
            due = self.patience.ends(pcm, t)
            if due:
                self._urgent = self._heard
                due, self._woken = not self._woken, True
        if due:
            self._on_due()

    def parted(self) -> Ear:
        """It serves nobody else."""
        return self
