"""What a plan says of turns beside how long silence lasts, under `turn:` of an agent."""

from dataclasses import replace

from pydantic import Field

from ..parts import Part
from .rules import TurnRules

#: a turn is bounded even where a plan says it is not
_LONGEST_MS = 600_000


class TurnSpec(Part):
    """Keys and times are SWML's, in ms."""

    digit_timeout: int = Field(
        default=1200, ge=0, le=30_000, description="without another key that end an entry"
    )
    digit_terminators: str = Field(
        default="#", max_length=16, description="keys that end an entry and are no part of it"
    )
    speech_timeout: int = Field(
        default=60_000, ge=0, le=600_000, description="of one turn, which then ends; 0: never"
    )
    speech_event_timeout: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="a turn ends so long after its newest words, though a voice goes on; 0: never",
    )
    energy_level: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="dB, where 100 is as loud as a line can be: what is fainter is no voice",
    )
    confidence: float = Field(
        default=0.5, ge=0, le=1, description="words of which the ears are less sure are a guess"
    )
    vad_threshold: float = Field(
        default=0.5, gt=0, lt=1, description="of the detector, above which a frame is voice"
    )

    def rules(self, own: TurnRules) -> TurnRules:
        """`own` with what is said here."""
        level = self.energy_level
        return replace(
            own,
            threshold=self.vad_threshold,
            release=0.7 * self.vad_threshold,
            longest_ms=self.speech_timeout or _LONGEST_MS,
            key_pause_ms=self.digit_timeout,
            last_keys=self.digit_terminators,
            stale_ms=self.speech_event_timeout,
            faintest_db=None if level is None else level - 100,
        )
