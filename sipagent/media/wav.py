"""16-bit WAV: its header, and a file whose header on disk is true at least twice a second."""

import struct
from pathlib import Path
from typing import BinaryIO

_HEADER = 44
#: in place of a length that nobody knows yet
_UNKNOWN = 0xFFFFFFFF


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
        if self._data - self._told >= self._rate * self._channels:  # half a second
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


class WavStream:
    """A `Writer` into a file that is never gone back in: its header leaves the length open, which
    `told_sizes` puts in when it is read.
    """

    def __init__(self, file: BinaryIO, rate: int, channels: int) -> None:
        self._file = file
        self._file.write(header(rate, channels, _UNKNOWN))

    def write(self, pcm: bytes) -> None:
        """Append samples, channels interleaved."""
        self._file.write(pcm)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def told_sizes(begin: bytes, size: int) -> bytes:
    """The beginning of a file of `size` bytes: as it is, but for the lengths `WavStream` left open.
    A file of 4 GiB or more has no lengths in this format.
    """
    if begin[:4] != b"RIFF" or begin[36:_HEADER] != b"data" + struct.pack("<I", _UNKNOWN):
        return begin
    riff, data = (struct.pack("<I", min(n, _UNKNOWN)) for n in (size - 8, size - _HEADER))
    return begin[:4] + riff + begin[8:40] + data + begin[_HEADER:]


def header(rate: int, channels: int, size: int) -> bytes:
    """What stands before `size` bytes of s16le samples at `rate` Hz."""
    frame = channels * 2
    wave = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 16)
    return (
        b"RIFF" + struct.pack("<I", min(size + _HEADER - 8, _UNKNOWN)) + b"WAVEfmt "
        + struct.pack("<I", 16) + wave + b"data" + struct.pack("<I", size)
    )  # fmt: skip
