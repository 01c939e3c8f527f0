"""Recording: what two sides say, written to one file on the media clock."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from .frames import FRAME_MS, Frame, frame_bytes

#: how far the two sides may run apart before the missing one counts as silence
_SKEW_FRAMES = 10
#: laid out and written in one piece at most
_AT_ONCE_FRAMES = 50

#: `stereo` is the caller left and what they hear right; the others are mono: both sides mixed,
#: what the caller says, what the caller hears
Layout = Literal["stereo", "both", "speak", "listen"]


class Writer(Protocol):
    """A sound file being written, readable up to about a second ago if its writer is killed."""

    def write(self, pcm: bytes) -> None:
        """Append 16-bit PCM, channels interleaved."""
        ...

    def close(self) -> None:
        """Finish the file. Idempotent."""
        ...


#: makes a file at a path, for a rate in Hz and so many channels
OpenWriter = Callable[[Path, int, int], Writer]


class Recording:
    """Frames may be missing, late by up to 200 ms, or come on one side only: a gap is silence of
    the same length, so the file is as long as the time it covers, less what a pause left out.
    """

    def __init__(
        self, path: Path, rate: int, start: int, *, open_writer: OpenWriter, layout: Layout
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._start = start
        self._layout = layout
        self._silence = bytes(frame_bytes(rate))
        self._sides: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self._last = [-1, -1]
        self._written = 0
        self._pause = _Pause()
        self._writer: Writer | None = open_writer(path, rate, 2 if layout == "stereo" else 1)

    @property
    def duration_ms(self) -> int:
        """Milliseconds on disk so far."""
        return self._written * FRAME_MS

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self._pause.begin is not None and self._pause.end is None

    def heard(self, left: Iterable[Frame] = (), right: Iterable[Frame] = ()) -> None:
        """Frames of both sides, as many as there are: what they complete is written in one piece.
        Where more of one side are given than it may run ahead, the other side's are to be there.
        """
        if self._writer is None:
            return
        for side, frames in enumerate((left, right)):
            for frame in frames:
                self._add(side, frame)
        both = min(self._last) + 1
        self._write_until(max(both, max(self._last) + 1 - _SKEW_FRAMES))

    def pause(self, t: int, *, skip: bool = False) -> None:
        """Keep nothing of what is said from media-clock `t` ms on: the time counts as silence, or
        with `skip` not at all. Nothing where it is paused.
        """
        if not self.paused:
            self._pause = _Pause(t, None, skip)

    def resume(self, t: int) -> None:
        """Record again what is said from `t` on; nothing where it is not paused."""
        begin = self._pause.begin
        if begin is None or not self.paused:
            return
        if self._pause.skip:
            self._write_until((begin - self._start) // FRAME_MS)
            self._start += (t - begin) // FRAME_MS * FRAME_MS
        self._pause = _Pause(begin, t, self._pause.skip)

    def close(self, end: int) -> None:
        """Write everything up to media-clock `end` ms and finish the file. Idempotent."""
        if self._writer is None:
            return
        self.resume(end)
        self._write_until((end - self._start) // FRAME_MS)
        self._writer.close()
        self._writer = None

    def _add(self, side: int, frame: Frame) -> None:
        pcm = frame.pcm
        if self._pause.covers(frame.t):
            if self._pause.skip:
                return
            pcm = self._silence
        index = (frame.t - self._start) // FRAME_MS
        if index >= self._written:
            self._sides[side][index] = pcm
            self._last[side] = index

    def _write_until(self, index: int) -> None:
        assert self._writer is not None
        while self._written < index:
            places = range(self._written, min(index, self._written + _AT_ONCE_FRAMES))
            left, right = (
                b"".join(side.pop(place, self._silence) for place in places) for side in self._sides
            )
            self._writer.write(_laid_out(left, right, self._layout))
            self._written = places.stop


class _Pause:
    """From `begin` to `end` (media-clock ms), open while `end` is None."""

    __slots__ = ("begin", "end", "skip")

    def __init__(
        self, begin: int | None = None, end: int | None = None, skip: bool = False
    ) -> None:
        self.begin, self.end, self.skip = begin, end, skip

    def covers(self, t: int) -> bool:
        return self.begin is not None and t >= self.begin and (self.end is None or t < self.end)


def _laid_out(left: bytes, right: bytes, layout: Layout) -> bytes:
    if layout == "speak":
        return left
    if layout == "listen":
        return right
    if layout == "stereo":
        stereo = np.empty(len(left), "<i2")
        stereo[0::2], stereo[1::2] = np.frombuffer(left, "<i2"), np.frombuffer(right, "<i2")
        return stereo.tobytes()
    total = np.frombuffer(left, "<i2").astype(np.int32) + np.frombuffer(right, "<i2")
    mixed: bytes = np.clip(total, -32_768, 32_767).astype("<i2").tobytes()
    return mixed
