"""The one base of time in a call: frames counted by whoever drives the media."""

from dataclasses import dataclass
from typing import Protocol

from .frames import FRAME_MS


class Counter(Protocol):
    """A count of frames, wherever it stands: in memory that native code counts in, too."""

    value: int


@dataclass(slots=True)
class _Count:
    value: int = 0


class MediaClock:
    """Counts 20 ms frames. The bridge's driver ticks it; everybody else reads it."""

    __slots__ = ("_frames",)

    def __init__(self, frames: Counter | None = None) -> None:
        """`frames` is where they are counted; by default in here."""
        self._frames: Counter = _Count() if frames is None else frames

    def tick(self) -> None:
        """One frame has passed. Called from the media thread only."""
        self._frames.value += 1

    @property
    def t(self) -> int:
        """Milliseconds since the worker's media started."""
        return self._frames.value * FRAME_MS
