"""The embedded ears and mouth: models loaded once, before the fork, and shared by every call."""

from typing import Protocol

from sipagent.agent.protocols import Transcriber
from sipagent.call.services import SpeechDetector

from . import espeak
from .grammar import GrammarModels
from .silero import Silero

#: a caller and a called party may be heard at once
_PAIRS = 2


class Models(Protocol):
    """What every call has without a vendor."""

    def detector(self, rate: int) -> SpeechDetector:
        """A fresh voice activity detector for frames at `rate` Hz."""
        ...

    def ears(self, rate: int) -> Transcriber:
        """Ears for declared phrases, for audio at `rate` Hz."""
        ...


class Embedded:
    """Make it once, in the process that forks the workers. Raises ProviderError."""

    def __init__(self) -> None:
        self._silero = Silero()
        self._grammar = GrammarModels(_PAIRS)
        espeak.engine()

    def detector(self, rate: int) -> SpeechDetector:
        """A fresh voice activity detector for frames at `rate` Hz."""
        return self._silero.detector(rate)

    def ears(self, rate: int) -> Transcriber:
        """Ears for declared phrases, for audio at `rate` Hz."""
        return self._grammar.ears(rate)
