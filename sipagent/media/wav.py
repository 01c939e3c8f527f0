"""16-bit WAV: its header, and a file whose header on disk is true at least once a second."""

import struct
from pathlib import Path
from typing import BinaryIO

_HEADER = 44


class WavWriter:
    """A `Writer`. A killed process leaves a readable file."""

    def __init__(self, path: Path, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._data = self._told = 0
        self._file: BinaryIO = path.open("wb")
        self._file.write(self._header())

    def write(self, pcm: bytes) -> None:
        """Append samples, channels interleaved."""
        self._file.write(pcm)
        self._data += len(pcm)
        if self._data - self._told >= self._rate * self._channels * 2:
            self._tell()

    def close(self) -> None:
        """Finish the file."""
        if not self._file.closed:
            self._tell()
            self._file.close()

    def _tell(self) -> None:
        self._told = self._data
        self._file.seek(0)
        self._file.write(self._header())
        self._file.seek(0, 2)
        self._file.flush()

    def _header(self) -> bytes:
        return header(self._rate, self._channels, self._data)


def header(rate: int, channels: int, size: int) -> bytes:
    """What stands before `size` bytes of s16le samples at `rate` Hz."""
    frame = channels * 2
    wave = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 16)
    return (
        b"RIFF" + struct.pack("<I", size + _HEADER - 8) + b"WAVEfmt "
        + struct.pack("<I", 16) + wave + b"data" + struct.pack("<I", size)
    )  # fmt: skip
