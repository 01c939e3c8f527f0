"""The unit of audio everywhere inside: 20 ms of mono signed 16-bit little-endian PCM."""

from dataclasses import dataclass

FRAME_MS = 20


def frame_samples(rate: int) -> int:
    """Samples in one frame at `rate` Hz."""
    return rate * FRAME_MS // 1000


def frame_bytes(rate: int) -> int:
    """Bytes in one frame at `rate` Hz."""
    return frame_samples(rate) * 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame and the media-clock time (ms) of its first sample."""

    pcm: bytes
    t: int = 0
