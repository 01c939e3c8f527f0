"""Test signals: noise that is recognised again in what came back, and where."""

import numpy as np

from sipagent.media.keytones import COLUMNS, PAD, ROWS

from .audio import rms


def noise(seed: int, milliseconds: int, rate: int, level: float = 0.2) -> bytes:
    """White noise, mono s16le; every seed is another one, and none is like any other."""
    samples = np.random.default_rng(seed).uniform(-1.0, 1.0, milliseconds * rate // 1000)
    return (samples * level * 32_767).astype("<i2").tobytes()


def find(reference: bytes, heard: bytes, rate: int) -> tuple[float, float]:
    """Where `reference` begins in `heard` (ms) and how alike the two are there (0..1)."""
    wanted = np.frombuffer(reference, "<i2").astype(float)
    got = np.frombuffer(heard, "<i2").astype(float)
    if len(got) < len(wanted):
        return 0.0, 0.0
    size = 1 << (len(got) + len(wanted)).bit_length()
    product = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(wanted, size)), size)
    at = int(np.argmax(product[: len(got) - len(wanted) + 1]))
    part = got[at : at + len(wanted)]
    power = float(np.sqrt((wanted @ wanted) * (part @ part)))
    return 1000.0 * at / rate, float(wanted @ part) / power if power else 0.0


def level(pcm: bytes) -> float:
    """Root mean square of mono s16le samples, 0..1."""
    return rms(pcm) / 32_768


def share(reference: bytes, heard: bytes, rate: int, alike: float = 0.9) -> float:
    """How much of `reference` (0..1) is in `heard`, piece by 100 ms piece wherever it is.

    A jitter buffer that adapts drops or repeats a frame: that shifts what follows and makes one
    piece unlike, where the correlation of the whole would fall apart.
    """
    size = rate // 10 * 2
    pieces = [reference[at : at + size] for at in range(0, len(reference) - size + 1, size)]
    return sum(find(piece, heard, rate)[1] >= alike for piece in pieces) / len(pieces)


def key_tone(
    key: str, milliseconds: int, rate: int, *, level: float = -9.0, twist: float = 0.0
) -> bytes:
    """One key as mono s16le: the lower tone at `level` dBm0, the upper one `twist` dB above it.

    Raises ValueError where there is no such key.
    """
    row = next((n for n, keys in enumerate(PAD) if key and key in keys), None)
    if row is None:
        raise ValueError(f"{key!r} is no key")
    low, high = ROWS[row], COLUMNS[PAD[row].index(key)]
    time = np.arange(round(milliseconds * rate / 1000)) / rate
    peak = 32_767 * 10 ** ((level - 3.14) / 20)
    wave = np.sin(2 * np.pi * low * time) + 10 ** (twist / 20) * np.sin(2 * np.pi * high * time)
    return np.clip(peak * wave, -32_768, 32_767).astype("<i2").tobytes()


def key_tones(keys: str, *, rate: int = 8000, milliseconds: int = 80, gap: int = 60) -> bytes:
    """Keys one after another, each followed by a gap."""
    pause = bytes(2 * rate * gap // 1000)
    return b"".join(key_tone(key, milliseconds, rate) + pause for key in keys)
