"""Telephone audio made fit for a wide-band acoustic model: level, rate, and a floor of noise."""

from collections.abc import Iterator

import numpy as np

from sipagent.media.frames import frame_bytes
from sipagent.media.resample import Resampler

#: rms that speech is brought to. The model hears the empty band above 4 kHz as something no
#: mouth makes; noise fills it, and must stand in the right proportion to the speech.
LEVEL = 1000.0
NOISE = 20.0
_RATE = 16_000
_SEED = 1
#: frames of speech, or of anything, that settle the level of an utterance
_ENOUGH_LOUD = 25
_ENOUGH = 40
_GAINS = (0.05, 4.0)


class Levelled:
    """Frames at `rate` Hz in, 20 ms pieces at 16 kHz out.

    The first frames are held back until the speaker's level is known; `finish` gives what is
    left. Recognition runs much faster than speech, so that costs no time at the end.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler = Resampler(rate, _RATE)
        self._noise = np.random.default_rng(_SEED)
        self._held: list[np.ndarray] = []
        self._powers: list[float] = []
        self._gain: float | None = None
        self._rest = b""

    def feed(self, pcm: bytes) -> Iterator[bytes]:
        """Whatever can be given out after this frame."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        if self._gain is not None:
            yield from self._given(samples)
            return
        self._held.append(samples)
        self._powers.append(float(np.mean(samples**2)) if len(samples) else 0.0)
        if len(self._powers) >= _ENOUGH or len(self._loud()) >= _ENOUGH_LOUD:
            yield from self._settle()

    def finish(self) -> Iterator[bytes]:
        """The rest, its last piece possibly shorter."""
        if self._gain is None:
            yield from self._settle()
        yield from self._pieces(self._resampler.finish())
        if self._rest:
            yield self._rest
            self._rest = b""

    def _settle(self) -> Iterator[bytes]:
        loud = self._loud()
        level = float(np.sqrt(np.mean(loud))) if loud else 0.0
        self._gain = float(np.clip(LEVEL / max(level, 1.0), *_GAINS))
        for samples in self._held:
            yield from self._given(samples)
        self._held.clear()

    def _loud(self) -> list[float]:
        floor = max(self._powers, default=0.0) / 100
        return [power for power in self._powers if power > floor]

    def _given(self, samples: np.ndarray) -> Iterator[bytes]:
        assert self._gain is not None
        scaled = np.clip(samples * self._gain, -32_768, 32_767).astype("<i2").tobytes()
        yield from self._pieces(self._resampler.feed(scaled))

    def _pieces(self, pcm: bytes) -> Iterator[bytes]:
        samples = np.frombuffer(pcm, dtype="<i2")
        noisy = samples + self._noise.normal(0.0, NOISE, len(samples))
        self._rest += np.clip(noisy, -32_768, 32_767).astype("<i2").tobytes()
        size = frame_bytes(_RATE)
        while len(self._rest) >= size:
            yield self._rest[:size]
            self._rest = self._rest[size:]
