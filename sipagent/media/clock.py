"""The one base of time in a call: frames counted by whoever drives the media."""

from .frames import FRAME_MS


class MediaClock:
    """Counts 20 ms frames. The bridge's driver ticks it; everybody else reads it."""

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames = 0

    def tick(self) -> None:
        """One frame has passed. Called from the media thread only."""
        self._frames += 1

    @property
    def t(self) -> int:
        """Milliseconds since the worker's media started."""
        return self._frames * FRAME_MS
