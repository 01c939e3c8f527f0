"""Prices: what a provider charges, as its user has written it down; there is no built-in table."""

from pydantic import BaseModel, ConfigDict, Field

from .protocols import Used

_MILLION = 1_000_000


class Prices(BaseModel):
    """In any one currency. What is None is not charged for; where all are, the cost is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    input_price: float | None = Field(default=None, ge=0, description="a million input tokens")
    cached_price: float | None = Field(
        default=None, ge=0, description="a million input tokens read from a cache; or input_price"
    )
    output_price: float | None = Field(default=None, ge=0, description="a million output tokens")
    audio_input_price: float | None = Field(
        default=None, ge=0, description="a million tokens of audio heard; or input_price"
    )
    audio_output_price: float | None = Field(
        default=None, ge=0, description="a million tokens of audio spoken; or output_price"
    )
    minute_price: float | None = Field(default=None, ge=0, description="a minute of audio heard")
    character_price: float | None = Field(
        default=None, ge=0, description="a million characters spoken"
    )

    def of_reply(self, used: Used) -> float | None:
        """What a reply costs."""
        if self.input_price is None and self.output_price is None:
            return None
        whole = self.input_price or 0.0
        spoken = self.output_price or 0.0
        heard = _or(self.audio_input_price, whole) * used.audio_input
        said = _or(self.audio_output_price, spoken) * used.audio_output
        read = _or(self.cached_price, whole) * used.cached
        fresh = whole * max(0, used.input - used.cached - used.audio_input)
        written = spoken * max(0, used.output - used.audio_output)
        return (heard + said + read + fresh + written) / _MILLION

    def of_speech(self, seconds: float, characters: int) -> float | None:
        """What so much audio heard and so many characters spoken cost."""
        if self.minute_price is None and self.character_price is None:
            return None
        minutes = (self.minute_price or 0.0) * seconds / 60
        return minutes + (self.character_price or 0.0) * characters / _MILLION


def _or(price: float | None, other: float) -> float:
    return other if price is None else price
