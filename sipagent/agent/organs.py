"""Organs: what an agent hears, thinks and speaks with."""

from collections.abc import Sequence
from dataclasses import dataclass

from sipagent.call.services import SpeechDetector

from .failover import Candidate, only
from .protocols import Brain, Synthesizer, Transcriber


@dataclass(frozen=True, slots=True)
class Organs:
    """What an agent is made of, each in the order they are tried; mouths speak at the bridge's
    rate.
    """

    vad: SpeechDetector
    ears: Sequence[Candidate[Transcriber]]
    brain: Sequence[Candidate[Brain]]
    mouth: Sequence[Candidate[Synthesizer]]

    @classmethod
    def lone(
        cls, vad: SpeechDetector, ears: Transcriber, brain: Brain, mouth: Synthesizer
    ) -> "Organs":
        """One of each, made already."""
        return cls(vad, only(ears, "ears"), only(brain, "mind"), only(mouth, "mouth"))
