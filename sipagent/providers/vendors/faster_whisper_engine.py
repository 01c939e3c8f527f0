"""What faster_whisper.py needs of the faster_whisper package, which is imported here alone."""

from typing import TYPE_CHECKING

import numpy as np
from faster_whisper import WhisperModel

if TYPE_CHECKING:
    from .faster_whisper import WhisperOptions


def load(options: "WhisperOptions") -> WhisperModel:
    """A model; slow. Nothing is downloaded."""
    return WhisperModel(
        str(options.model),
        device=options.device,
        compute_type=options.compute_type,
        cpu_threads=options.cpu_threads,
        local_files_only=True,
    )


def recognise(
    model: WhisperModel,
    pcm: bytes,
    language: str | None,
    hotwords: str | None,
    options: "WhisperOptions",
) -> str:
    """The words in s16le mono at 16 kHz; slow."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
    segments, _ = model.transcribe(
        samples,
        language=language,
        beam_size=options.beam_size,
        hotwords=hotwords,
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    return " ".join(segment.text.strip() for segment in segments).strip()
