"""Audio for tests: G.711, WAV files, levels, test signals and where one signal is in another."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import wideband

RATE = 8000

Samples = npt.NDArray[np.int16]


def _mulaw_values() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + 132) << exponent.astype(np.int32)) - 132
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


def _alaw_values() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    low = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, low, (low + 256) << np.maximum(exponent - 1, 0))
    return np.where(code & 128, magnitude, -magnitude).astype(np.int16)


def _codes(values: Samples) -> npt.NDArray[np.uint8]:
    """For each 16-bit sample (as unsigned index) the code whose value is nearest."""
    order = np.argsort(values, kind="stable")
    steps = values[order].astype(np.int32)
    borders = (steps[1:] + steps[:-1]) / 2
    samples = np.arange(65536, dtype=np.uint16).view(np.int16)
    return order[np.searchsorted(borders, samples, side="right")].astype(np.uint8)


_VALUES = {"PCMU": _mulaw_values(), "PCMA": _alaw_values()}
_CODES = {name: _codes(values) for name, values in _VALUES.items()}
_POWERS = {name: values.astype(np.float64) ** 2 for name, values in _VALUES.items()}


def encode(codec: str, pcm: bytes) -> bytes:
    """PCM (s16le, 8 kHz) as a payload of PCMU or PCMA (ITU-T G.711), or of G722 by itself."""
    if codec == "G722":
        return wideband.Encoder().encode(wideband.doubled(pcm))
    codes: npt.NDArray[np.uint8] = _CODES[codec][np.frombuffer(pcm, "<u2")]
    return codes.tobytes()


def decode(codec: str, payload: bytes) -> bytes:
    """A payload as PCM (s16le, 8 kHz); of G722 roughly, without what came before."""
    if codec == "G722":
        return wideband.halved(wideband.Decoder().decode(payload))
    return _VALUES[codec][np.frombuffer(payload, np.uint8)].tobytes()


def level(codec: str, payload: bytes) -> float:
    """RMS of a payload in 16-bit units, of G.711 without decoding it; 0 when it is empty."""
    if not payload:
        return 0.0
    if codec == "G722":
        return rms(decode(codec, payload))
    return float(np.sqrt(_POWERS[codec][np.frombuffer(payload, np.uint8)].mean()))


def samples(pcm: bytes) -> Samples:
    """PCM (s16le) as numbers."""
    return np.frombuffer(pcm, "<i2").astype(np.int16)


def rms(pcm: bytes) -> float:
    """RMS of PCM in 16-bit units; 0 when it is empty."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0


@dataclass(frozen=True, slots=True)
class Correlation:
    """`corr` is -1..1 over the overlap at the best lag; `lag_ms` says how much later than in
    the reference it is in what we got.
    """

    corr: float
    lag_ms: float


def correlate(ref: bytes, got: bytes, rate: int = RATE) -> Correlation:
    """Find `ref` in `got` (both s16le mono at `rate` Hz). A whole `ref` is looked for."""
    a, b = (np.frombuffer(x, "<i2").astype(np.float64) for x in (ref, got))
    if not a.size or not b.size:
        return Correlation(0.0, 0.0)
    size = 1 << (a.size + b.size).bit_length()
    product = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)
    ahead, behind = product[: b.size], product[size - a.size + 1 :]
    scores = np.concatenate([behind, ahead])
    lag = int(np.argmax(np.abs(scores))) - behind.size
    a, b = a[max(0, -lag) :], b[max(0, lag) :]
    overlap = min(a.size, b.size)
    a, b = a[:overlap], b[:overlap]
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return Correlation(float(a @ b) / norm if norm else 0.0, 1000.0 * lag / rate)


def speech_like(seconds: float, seed: int = 0, rate: int = RATE) -> bytes:
    """Noise with the band, syllables and level of speech; it correlates only with itself."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(frequency < 200) | (frequency > 3200)] = 0
    noise = np.fft.irfft(spectrum, count)
    time = np.arange(count) / rate
    syllables = 0.25 + 0.75 * np.abs(np.sin(2 * np.pi * 2.3 * time + rng.uniform(0, np.pi)))
    signal = noise * syllables
    scaled = signal * (6000 / max(float(np.sqrt(np.mean(signal**2))), 1e-9))
    return np.clip(scaled, -32767, 32767).astype("<i2").tobytes()


def silence(seconds: float, rate: int = RATE) -> bytes:
    """Digital silence."""
    return bytes(2 * int(seconds * rate))


def write_wav(path: Path, pcm: bytes, rate: int = RATE, channels: int = 1) -> None:
    """Write s16le samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)


def read_wav(path: Path) -> tuple[bytes, int]:
    """The samples (s16le, first channel only) and the rate of a 16-bit WAV file.

    Raises ValueError when the samples are not 16-bit.
    """
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: {8 * file.getsampwidth()}-bit samples, expected 16")
        channels, rate = file.getnchannels(), file.getframerate()
        pcm = file.readframes(file.getnframes())
    if channels > 1:
        pcm = np.frombuffer(pcm, "<i2")[::channels].tobytes()
    return pcm, rate


def interleave(left: bytes, right: bytes) -> bytes:
    """Two mono signals as one stereo one; the shorter is padded with silence."""
    size = max(len(left), len(right))
    sides = [np.frombuffer(side.ljust(size, b"\0"), "<i2") for side in (left, right)]
    return np.column_stack(sides).astype("<i2").tobytes()
