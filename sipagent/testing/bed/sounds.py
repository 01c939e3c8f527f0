"""Sounds a caller makes that are not speech, and the noise around them. 8 kHz, mono s16le."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from sipagent.providers.espeak import LOUDNESS
from sipagent.testing.audio import RATE
from sipagent.testing.voice import speak

from .scenario import NoiseColour, SoundName

Signal = npt.NDArray[np.float64]
Dice = np.random.Generator

_BABBLE = (
    ("There was nobody at the station when the train came in at last.", "en-us+m3"),
    ("She told me that they would be open until six o'clock on Friday.", "en-gb+f4"),
    ("You can put the boxes over there, next to the window, thank you.", "en-us+f2"),
    ("We have been waiting for the bus for more than half an hour now.", "en-gb-scotland+m1"),
    ("It is not the first time that this has happened to both of us.", "en-029+f3"),
    ("Could somebody please close the door, it is getting cold in here.", "en-us+m7"),
)
_VOICES = tuple(voice for _, voice in _BABBLE)


def samples_of(milliseconds: float) -> int:
    """Samples in so many milliseconds."""
    return round(milliseconds * RATE / 1000)


def pcm_of(signal: Signal) -> bytes:
    """Samples as s16le, clipped."""
    pcm: bytes = np.clip(signal, -32_768, 32_767).astype("<i2").tobytes()
    return pcm


def loudness(db: float) -> float:
    """A level in dB as a factor."""
    return float(10 ** (db / 20))


def make(name: SoundName, dice: Dice) -> bytes:
    """One cough, breath, ...; every one is a little different."""
    return pcm_of(_MAKERS[name](dice))


def noise(colour: NoiseColour, snr_db: float, milliseconds: int, dice: Dice) -> bytes:
    """Noise `snr_db` below the loudness of callers' speech."""
    count = samples_of(milliseconds)
    if colour == "babble":
        signal = _babble(count, dice)
    else:
        signal = _coloured(count, dice, exponent=0.0 if colour == "white" else 0.5)
    level = float(np.sqrt(np.mean(signal**2))) or 1.0
    return pcm_of(signal * (LOUDNESS / loudness(snr_db) / level))


def _coloured(count: int, dice: Dice, *, exponent: float) -> Signal:
    """Noise whose amplitude falls with frequency to the power of `exponent`; 1/f for 0.5."""
    spectrum = np.fft.rfft(dice.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 50.0)
    signal: Signal = np.fft.irfft(spectrum / frequency**exponent, count)
    return signal


def _babble(count: int, dice: Dice) -> Signal:
    total = np.zeros(count)
    for text, voice in _BABBLE:
        one = np.frombuffer(speak(text, voice), "<i2").astype(np.float64)
        total += np.roll(np.resize(one, count), int(dice.integers(count)))
    return total


def _band(count: int, low: float, high: float, dice: Dice) -> Signal:
    """Noise of one band, of peak 1."""
    spectrum = np.fft.rfft(dice.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum *= np.exp(-(((frequency - (low + high) / 2) / (high - low)) ** 2))
    signal = np.fft.irfft(spectrum, count)
    return np.asarray(signal / np.abs(signal).max(), np.float64)


def _burst(milliseconds: float, attack_ms: float, dice: Dice, low: float, high: float) -> Signal:
    """A burst that rises within `attack_ms` and dies away."""
    count = samples_of(milliseconds)
    time = np.arange(count) * 1000 / RATE
    envelope: Signal = np.minimum(1.0, time / attack_ms) * np.exp(-time / (milliseconds / 4))
    return _band(count, low, high, dice) * envelope


def _pause(milliseconds: float) -> Signal:
    return np.zeros(samples_of(milliseconds))


def _cough(dice: Dice) -> Signal:
    """One to three explosive bursts, each with the short voiced tail that coughs have."""
    parts: list[Signal] = []
    for _ in range(int(dice.integers(1, 4))):
        burst = _burst(dice.uniform(120, 220), 4, dice, 400, 2400) * dice.uniform(14_000, 24_000)
        count = samples_of(dice.uniform(40, 90))
        time = np.arange(count) / RATE
        pitch = dice.uniform(140, 320) * (1 - time * 2)
        tail = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.linspace(3000, 0, count)
        parts += [burst, tail, _pause(dice.uniform(60, 160))]
    return np.concatenate(parts)


def _throat(dice: Dice) -> Signal:
    """A throat that is cleared: a rough low rattle, twice."""
    parts: list[Signal] = []
    for _ in range(2):
        count = samples_of(dice.uniform(120, 180))
        time = np.arange(count) / RATE
        rattle = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * dice.uniform(35, 60) * time))
        swell = np.sin(np.pi * np.arange(count) / count)
        parts += [_band(count, 200, 1200, dice) * rattle * swell * 12_000, _pause(60)]
    return np.concatenate(parts)


def _laugh(dice: Dice) -> Signal:
    """Two to four voiced syllables: to a voice detector this is speech."""
    return _voiced("ha " * int(dice.integers(2, 5)), dice)


def _sigh(dice: Dice) -> Signal:
    """A voiced breath."""
    return _voiced(("aah", "oh", "hmm", "uff")[int(dice.integers(4))], dice)


def _voiced(text: str, dice: Dice) -> Signal:
    voice = _VOICES[int(dice.integers(len(_VOICES)))]
    return np.frombuffer(speak(text, voice), "<i2") * dice.uniform(0.4, 1.0)


def _breath(dice: Dice) -> Signal:
    """A breath at the mouthpiece: soft wide noise that swells and fades."""
    count = samples_of(dice.uniform(400, 900))
    swell = np.sin(np.pi * np.arange(count) / count) ** 2
    breath: Signal = _band(count, 500, 3000, dice) * swell * dice.uniform(2500, 5000)
    return breath


def _click(dice: Dice) -> Signal:
    """A key, a pen, a cup put down: one or two sharp clicks."""
    clicks = [_burst(12, 0.5, dice, 1200, 3600) * 20_000 for _ in range(int(dice.integers(1, 3)))]
    return np.concatenate([part for one in clicks for part in (one, _pause(dice.uniform(60, 120)))])


def _door(dice: Dice) -> Signal:
    """A door that falls shut: a low thump, then its rattle."""
    thump = _burst(dice.uniform(150, 260), 3, dice, 60, 300) * 22_000
    rattle = _burst(dice.uniform(150, 300), 10, dice, 800, 2400) * 4000
    return np.concatenate([thump, rattle])


_MAKERS: Mapping[SoundName, Callable[[Dice], Signal]] = {
    "cough": _cough,
    "throat": _throat,
    "laugh": _laugh,
    "sigh": _sigh,
    "breath": _breath,
    "click": _click,
    "door": _door,
}
