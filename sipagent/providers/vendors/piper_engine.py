"""What piper.py needs of the piper package, which is imported here and nowhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from piper import PiperVoice, SynthesisConfig

if TYPE_CHECKING:
    from .piper import PiperOptions


def load(model: Path) -> PiperVoice:
    """A voice; slow."""
    return PiperVoice.load(model)


def speak(voice: PiperVoice, text: str, options: "PiperOptions") -> Iterator[tuple[int, bytes]]:
    """Rate in Hz and s16le mono, sentence by sentence; slow."""
    config = SynthesisConfig(
        speaker_id=options.speaker, length_scale=options.length_scale, volume=options.volume
    )
    for chunk in voice.synthesize(text, config):
        yield chunk.sample_rate, chunk.audio_int16_bytes
