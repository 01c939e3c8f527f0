"""G.711: 16-bit samples as A-law or mu-law bytes (ITU-T G.711)."""

from typing import Literal

import numpy as np

G711 = Literal["PCMU", "PCMA"]


def _segments(magnitude: np.ndarray) -> np.ndarray:
    """The position of the highest set bit above bit 7, 0 to 7."""
    found: np.ndarray = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))) - 7, 0).astype(int)
    return found


def _mu_law() -> bytes:
    value = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(int)
    biased = np.minimum(np.abs(value), 32_635) + 132
    segment = _segments(biased)
    code = (segment << 4) | ((biased >> (segment + 3)) & 15) | np.where(value < 0, 0x80, 0)
    codes: bytes = (code ^ 0xFF).astype(np.uint8).tobytes()
    return codes


def _a_law() -> bytes:
    value = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(int)
    magnitude = np.where(value < 0, -value - 1, value)
    segment = _segments(magnitude)
    mantissa = (magnitude >> np.where(segment > 0, segment + 3, 4)) & 15
    code = (segment << 4) | mantissa | np.where(value < 0, 0, 0x80)
    codes: bytes = (code ^ 0x55).astype(np.uint8).tobytes()
    return codes


_CODES = {
    "PCMU": np.frombuffer(_mu_law(), np.uint8),
    "PCMA": np.frombuffer(_a_law(), np.uint8),
}


def _values(codec: str) -> np.ndarray:
    """For each byte the middle of the samples that are written so."""
    sample = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int64)
    codes = _CODES[codec]
    total = np.bincount(codes, weights=sample, minlength=256)
    found: np.ndarray = np.rint(total / np.bincount(codes, minlength=256)).astype("<i2")
    return found


_VALUES = {codec: _values(codec) for codec in _CODES}


def encode(codec: G711, pcm: bytes) -> bytes:
    """s16le samples as G.711."""
    codes: bytes = _CODES[codec][np.frombuffer(pcm, "<u2")].tobytes()
    return codes


def decode(codec: G711, payload: bytes) -> bytes:
    """G.711 as s16le samples."""
    heard: bytes = _VALUES[codec][np.frombuffer(payload, np.uint8)].tobytes()
    return heard
