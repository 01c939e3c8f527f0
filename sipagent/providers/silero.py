"""Silero voice activity, embedded: models loaded before the fork, one lent to each detector."""

import os
import weakref
from collections import deque

import numpy as np

from sipagent.errors import ProviderError
from sipagent.media.resample import Resampler

from .silero_model import SAMPLES, SileroModel

_RATE = 16_000
#: bytes of 32 ms
_CHUNK = 2 * SAMPLES
_SCALE = np.float32(1 / 32_768)
#: silence before the first sample, bytes: more than the resampler holds back, so that 32 ms in
#: are 32 ms out from the beginning
_AHEAD = 32
#: what G.711 makes of nothing (A-law has no zero), 16-bit units
_IDLE = 8
#: pieces of silence after which the model need not hear more, counted once it is below this
_SETTLED, _UNSETTLED = 16, 0.1


class SileroDetector:
    """A SpeechDetector: 20 ms frames in, the newest probability out.

    The model runs on every 32 ms gathered; between its runs the last answer holds. Of a line that
    is digitally silent it hears the first half second: what it then knows is kept for the first
    sound, as after any pause of that length.
    """

    def __init__(self, model: SileroModel, rate: int) -> None:
        self._model = model
        self._rate = rate
        self._piece = _CHUNK * rate // _RATE
        self._resampler: Resampler
        self._heard: bytes
        self._ready: bytes
        self._last: float
        #: pieces of digital silence in a row
        self._silent: int
        self.reset()

    def probability(self, pcm: bytes) -> float:
        """Speech probability 0..1 after this frame."""
        self._heard += pcm
        while len(self._heard) >= self._piece:
            # Resampled by the chunk: the call costs as much as the work.
            piece, self._heard = self._heard[: self._piece], self._heard[self._piece :]
            voice = self._last >= _UNSETTLED
            self._silent = self._silent + 1 if not voice and _is_silence(piece) else 0
            if self._silent <= _SETTLED:
                self._ready += self._resampler.feed(piece)
                self._run()
        return self._last

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._model.reset()
        self._resampler = Resampler(self._rate, _RATE)
        self._ready = self._resampler.feed(bytes(_AHEAD))
        self._heard = b""
        self._last = 0.0
        self._silent = 0

    def _run(self) -> None:
        while len(self._ready) >= _CHUNK:
            samples = np.frombuffer(self._ready, "<i2", SAMPLES) * _SCALE
            self._ready = self._ready[_CHUNK:]
            self._last = self._model.probability(samples)


def _is_silence(pcm: bytes) -> bool:
    samples = np.frombuffer(pcm, "<i2")
    return bool(samples.max() <= _IDLE and samples.min() >= -_IDLE)


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
        self._free = deque(SileroModel() for _ in range(spare))
        silence = np.zeros(SAMPLES, np.float32)
        for model in self._free:
            model.probability(silence)

    def detector(self, rate: int) -> SileroDetector:
        """A fresh detector for frames at `rate` Hz."""
        model = self._free.popleft() if self._free else SileroModel()
        detector = SileroDetector(model, rate)
        weakref.finalize(detector, self._free.append, model)
        return detector
