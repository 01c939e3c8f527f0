"""Mouth: what a port is to say, queued, and the exact count of what was said."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from .frames import FRAME_MS, Frame

#: what was played can be asked for so long, ms: to be told from a caller's voice when it comes back
KEPT_MS = 1_000
#: who waits for room is told when there is so much of it, frames, or half of what is bounded: to be
#: told of every frame played would cost more than the speech
ROOM = 10
#: frames that go beyond the limit, for marks, which pad what is no whole frame
SPARE = 50


class Mouth(Protocol):
    """A bounded queue of whole frames. Positions are frames since the port opened.

    `pull` belongs to the media thread, everything else to the event loop, which is told (`moved`
    of the port) when a watched position was played, or there is room again (ROOM) after `put` found
    none.
    """

    @property
    def played(self) -> int:
        """Frames that were pulled so far."""
        ...

    @property
    def queued(self) -> int:
        """Frames that were played or wait to be."""
        ...

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume` or `clear`."""
        ...

    def put(self, pcm: bytes, *, over: bool = False) -> bool:
        """Queue one frame; False where there is no room. `over` goes SPARE beyond the limit."""
        ...

    def pause(self) -> int:
        """Silent from the next frame on; nothing is lost. Returns the position played to."""
        ...

    def resume(self) -> None:
        """Go on from the exact frame where `pause` stopped."""
        ...

    def take_back(self, position: int) -> bool:
        """Drop what is queued from `position` on; False where some of that was played already."""
        ...

    def clear(self) -> int:
        """Drop what was not yet played and lift a pause. Returns the dropped frames."""
        ...

    def watch(self, position: int) -> bool:
        """Tell when `position` is played, and no other; False where it was already."""
        ...

    def frame(self, position: int) -> Frame:
        """What was played at `position`, and when. KEPT_MS of it is there, and what was played
        since anything was queued.
        """
        ...

    def pull(self, t: int) -> bytes | None:
        """The next frame, or None for silence; it goes out at `t`, media-clock ms."""
        ...

    def parted(self) -> "Mouth":
        """What a closed port goes on with: this one may serve another from now on."""
        ...


class QueuedMouth:
    """A Mouth in Python. `on_due` is called on the media thread."""

    def __init__(self, limit: int, on_due: Callable[[], None], *, played: int = 0) -> None:
        """`limit` is in frames."""
        self._limit = limit
        self._roomy = limit - min(ROOM, limit // 2)
        self._on_due = on_due
        self._lock = threading.Lock()
        self._out: deque[bytes] = deque()
        self._played = played
        self._pulled: deque[Frame] = deque(maxlen=limit + SPARE + KEPT_MS // FRAME_MS)
        self._paused = False
        self._watched: int | None = None
        self._wants_room = False

    @property
    def played(self) -> int:
        """See Mouth."""
        return self._played

    @property
    def queued(self) -> int:
        """See Mouth."""
        with self._lock:
            return self._played + len(self._out)

    @property
    def paused(self) -> bool:
        """See Mouth."""
        return self._paused

    def put(self, pcm: bytes, *, over: bool = False) -> bool:
        """See Mouth."""
        with self._lock:
            fits = len(self._out) < self._limit + (SPARE if over else 0)
            if fits:
                self._out.append(pcm)
            else:
                self._wants_room = True
            return fits

    def pause(self) -> int:
        """See Mouth."""
        with self._lock:
            self._paused = True
            return self._played

    def resume(self) -> None:
        """See Mouth."""
        with self._lock:
            self._paused = False

    def take_back(self, position: int) -> bool:
        """See Mouth."""
        with self._lock:
            if self._played > position:
                return False
            while self._played + len(self._out) > position:
                self._out.pop()
            return True

    def clear(self) -> int:
        """See Mouth."""
        with self._lock:
            dropped = len(self._out)
            self._out.clear()
            self._paused = False
            self._watched = None
            return dropped

    def watch(self, position: int) -> bool:
        """See Mouth."""
        with self._lock:
            ahead = self._played < position
            self._watched = position if ahead else None
            return ahead

    def frame(self, position: int) -> Frame:
        """See Mouth."""
        with self._lock:
            return self._pulled[position - self._played]

    def pull(self, t: int) -> bytes | None:
        """See Mouth."""
        if not self._out or self._paused:
            return None  # most of the time: said without the lock
        with self._lock:
            if self._paused or not self._out:
                return None
            pcm = self._out.popleft()
            self._played += 1
            self._pulled.append(Frame(pcm, t))
            reached = self._watched is not None and self._watched <= self._played
            roomy = self._wants_room and len(self._out) <= self._roomy
            self._wants_room = self._wants_room and not roomy
            due = reached or roomy
        if due:
            self._on_due()
        return pcm

    def parted(self) -> Mouth:
        """It serves nobody else."""
        return self
