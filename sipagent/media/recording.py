"""StereoRecording: two listeners on the bridge, written as one WAV on the media clock."""

import struct
from pathlib import Path
from typing import BinaryIO

from .frames import FRAME_MS, frame_bytes

_HEADER = 44
_FLUSH_FRAMES = 50
#: how far the two sides may run apart before the missing one counts as silence
_SKEW_FRAMES = 10


class StereoRecording:
    """16-bit WAV, left = first side, right = second, aligned by each frame's clock time.

    Frames may be missing, late by up to 200 ms, or come on one side only: a gap is silence of
    the same length, so the file is as long as the time it covers. The header on disk is true
    at least once a second, so that a killed process leaves a readable file.
    """

    def __init__(self, path: Path, rate: int, start: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._rate = rate
        self._start = start
        self._silence = bytes(frame_bytes(rate))
        self._sides: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self._last = [-1, -1]
        self._written = 0
        self._paused = False
        self._file: BinaryIO | None = path.open("wb")
        self._file.write(self._header())

    @property
    def duration_ms(self) -> int:
        """Milliseconds on disk so far."""
        return self._written * FRAME_MS

    def left(self, pcm: bytes, t: int) -> None:
        """A frame of the first side that began at media-clock `t` ms."""
        self._add(0, pcm, t)

    def right(self, pcm: bytes, t: int) -> None:
        """A frame of the second side that began at media-clock `t` ms."""
        self._add(1, pcm, t)

    def pause(self) -> None:
        """Keep silence from now on; the time still counts."""
        self._paused = True

    def resume(self) -> None:
        """Record again."""
        self._paused = False

    def close(self, end: int) -> None:
        """Write everything up to media-clock `end` ms and finish the file. Idempotent."""
        if self._file is None:
            return
        self._write_until((end - self._start) // FRAME_MS)
        self._finish_header()
        self._file.close()
        self._file = None

    def _add(self, side: int, pcm: bytes, t: int) -> None:
        index = (t - self._start) // FRAME_MS
        if self._file is None or index < self._written:
            return
        self._sides[side][index] = self._silence if self._paused else pcm
        self._last[side] = index
        both = min(self._last) + 1
        self._write_until(max(both, max(self._last) + 1 - _SKEW_FRAMES))

    def _write_until(self, index: int) -> None:
        assert self._file is not None
        while self._written < index:
            left = self._sides[0].pop(self._written, self._silence)
            right = self._sides[1].pop(self._written, self._silence)
            stereo = bytearray(2 * len(left))
            stereo[0::4], stereo[1::4] = left[0::2], left[1::2]
            stereo[2::4], stereo[3::4] = right[0::2], right[1::2]
            self._file.write(stereo)
            self._written += 1
            if self._written % _FLUSH_FRAMES == 0:
                self._finish_header()

    def _finish_header(self) -> None:
        assert self._file is not None
        self._file.seek(0)
        self._file.write(self._header())
        self._file.seek(0, 2)
        self._file.flush()

    def _header(self) -> bytes:
        data = self._written * len(self._silence) * 2
        wave = struct.pack("<HHIIHH", 1, 2, self._rate, self._rate * 4, 4, 16)
        return (
            b"RIFF" + struct.pack("<I", data + _HEADER - 8) + b"WAVEfmt " + struct.pack("<I", 16)
            + wave + b"data" + struct.pack("<I", data)
        )  # fmt: skip
