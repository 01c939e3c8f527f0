"""What a plan says about giving way, under `barge_in:` of an agent."""

from pydantic import Field

from ..parts import Part


class BargeInSpec(Part):
    """How the agent gives way."""

    enabled: bool = True
    min_words: int = Field(default=1, ge=1)
    decide_ms: int = Field(default=500, ge=100, description="speech heard before it stops for good")
