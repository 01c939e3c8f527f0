"""Mp3Writer: a recording encoded as it is made, a second at a time. Heavy, so imported late."""

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame

#: kbit/s a channel: telephone speech is transparent at this
_KBITS = 24


class Mp3Writer:
    """A `Writer` (media/recording.py). A killed process leaves all but the last second."""

    def __init__(self, file: BinaryIO, rate: int, channels: int) -> None:
        self._rate = rate
        self._layout = "stereo" if channels == 2 else "mono"
        self._second = rate * channels * 2
        self._pcm = b""
        self._done = 0
        self._file = file
        self._container = av.open(self._file, "w", format="mp3")
        self._stream = self._container.add_stream("libmp3lame", rate=rate)
        self._stream.layout = self._layout
        self._stream.bit_rate = _KBITS * 1000 * channels

    def write(self, pcm: bytes) -> None:
        """Append samples, channels interleaved."""
        self._pcm += pcm
        if len(self._pcm) >= self._second:
            self._encode()
            self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        if self._file.closed:
            return
        if self._pcm:
            self._encode()
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.close()

    def _encode(self) -> None:
        samples = np.frombuffer(self._pcm, "<i2").reshape(1, -1)
        self._pcm = b""
        frame = AudioFrame.from_ndarray(samples, format="s16", layout=self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._done
        self._done += frame.samples
        self._container.mux(self._stream.encode(frame))


def make(path: Path, rate: int, channels: int) -> Mp3Writer:
    """A new file."""
    return Mp3Writer(path.open("wb"), rate, channels)


def into(file: BinaryIO, rate: int, channels: int) -> Mp3Writer:
    """A file that is open, and closed with its writer."""
    return Mp3Writer(file, rate, channels)


def preload() -> None:
    """Nothing beyond the import."""
