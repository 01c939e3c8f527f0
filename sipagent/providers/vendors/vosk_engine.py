"""What vosk.py needs of the vosk package, which is imported here and nowhere else."""

import json
from collections.abc import Sequence
from pathlib import Path

from vosk import KaldiRecognizer, Model, SetLogLevel

#: warnings and errors; by default it tells of every layer it loads
SetLogLevel(-1)


def load(model: Path) -> Model:
    """A model; slow."""
    return Model(model_path=str(model))


def recogniser(model: Model, rate: int, phrases: Sequence[str]) -> KaldiRecognizer:
    """For one utterance at `rate` Hz; of these phrases only, where there are any."""
    if not phrases:
        return KaldiRecognizer(model, rate)
    return KaldiRecognizer(model, rate, json.dumps([*(p.lower() for p in phrases), "[unk]"]))


def feed(recognizer: KaldiRecognizer, pcm: bytes) -> tuple[bool, str]:
    """Has a stretch of speech ended? And what was heard of it, as JSON; slow."""
    if recognizer.AcceptWaveform(pcm):
        return True, recognizer.Result()
    return False, recognizer.PartialResult()


def finish(recognizer: KaldiRecognizer) -> str:
    """What was heard since, as JSON; slow."""
    text: str = recognizer.FinalResult()
    return text
