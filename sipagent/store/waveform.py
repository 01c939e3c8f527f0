"""Peaks of a stereo recording, for drawing."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .vault import PLAIN, Files

_CHUNK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Peaks:
    """The loudest sample of every `bin_ms`, 0..1, of the left (caller) and right side.

    `start` is where the recording begins on the media clock, ms.
    """

    start: int
    bin_ms: int
    left: tuple[float, ...]
    right: tuple[float, ...]


def read_peaks(path: Path, files: Files = PLAIN, *, start: int = 0, bin_ms: int = 20) -> Peaks:
    """Read a 16-bit WAV with one or two channels (one counts as both sides).

    A recording whose writer was killed is read as far as its header says. Raises OSError where
    the file cannot be opened, VaultError, and ValueError where it is not such a WAV.
    """
    try:
        with files.open(path) as sound, wave.open(sound, "rb") as file:
            channels, width, rate = file.getparams()[:3]
            if width != 2 or channels not in {1, 2}:
                raise ValueError(f"{path}: not 16 bit with one or two channels")
            size = max(1, rate * bin_ms // 1000)
            per_read = size * max(1, _CHUNK_SECONDS * 1000 // bin_ms)
            bins = []
            while data := file.readframes(per_read):
                bins.append(_loudest(np.frombuffer(data, "<i2").reshape(-1, channels), size))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: {error}") from error
    peaks = np.concatenate(bins) if bins else np.zeros((0, channels))
    return Peaks(start, bin_ms, tuple(peaks[:, 0].tolist()), tuple(peaks[:, -1].tolist()))


def _loudest(samples: NDArray[np.int16], size: int) -> NDArray[np.float64]:
    """The peak of each bin and channel; the last bin may be short."""
    whole = np.zeros((-(-len(samples) // size) * size, samples.shape[1]))
    whole[: len(samples)] = samples
    return np.asarray(np.abs(whole.reshape(-1, size, samples.shape[1])).max(axis=1) / 32768.0)
