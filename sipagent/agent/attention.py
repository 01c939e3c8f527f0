"""Attention: a caller who says nothing is spoken to by the mind, and left in the end."""

from pydantic import Field

from .parts import Part


class Attention(Part):
    """Where it stands, the mind asks a silent caller in its own words, in place of
    `silence_prompt`; nobody counts how often, `inactivity` ends the talk.
    """

    after: float = Field(
        default=5.0, ge=0, le=600, description="seconds of silence until the mind is told; 0: never"
    )
    prompt: str = Field(
        default="The user has not responded, try to get their attention. Stay in the same "
        "language.",
        description="what the mind is told then",
    )
    inactivity: float = Field(
        default=600.0, gt=0, le=3600, description="seconds without a word of the caller's: the end"
    )
    outbound: float = Field(
        default=120.0,
        gt=0,
        le=600,
        description="seconds that somebody who was called has for their first word",
    )
