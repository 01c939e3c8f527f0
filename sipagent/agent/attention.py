"""Attention: a caller who says nothing is spoken to by the mind, and left in the end."""

from pydantic import Field

from sipagent.media.frames import FRAME_MS

from .parts import Part

#: what the mind is told of words that could not be understood
NOT_UNDERSTOOD = "The caller said something that was not understood. Ask them to say it again."


class Attention(Part):
    """Where it stands, the mind asks a silent caller in its own words, in place of
    `silence_prompt`; nobody counts how often, `inactivity` ends the talk.
    """

    after: float = Field(
        default=5.0, ge=0, le=600, description="seconds of silence until the mind is told; 0: never"
    )
    prompt: str = Field(
        default="The caller is silent. Find out, in the language you have been speaking, whether "
        "they are still there.",
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


class InactivityWatch:
    """Counts frames since the caller was heard, whoever spoke meanwhile; tells once that they were
    too many. Pure.
    """

    def __init__(self, attention: Attention, *, outbound: bool) -> None:
        self._limit_ms = attention.inactivity * 1000
        first = min(attention.outbound, attention.inactivity) if outbound else attention.inactivity
        self._ms, self._first_ms = 0, first * 1000
        self._heard = False

    def frame(self) -> bool:
        """One more frame; True where the limit is just reached."""
        before, self._ms = self._ms, self._ms + FRAME_MS
        limit = self._limit_ms if self._heard else self._first_ms
        return before < limit <= self._ms

    def heard(self) -> None:
        """The caller said something, or pressed a key."""
        self._heard, self._ms = True, 0
