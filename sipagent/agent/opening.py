"""Opening: who speaks first, and what was said before the call."""

from typing import Literal

from pydantic import Field

from .conversation import Message
from .parts import Part


class Line(Part):
    """Something said before: in an earlier talk, or as an example."""

    role: Literal["caller", "agent", "system"]
    text: str = Field(min_length=1, max_length=4000)

    @property
    def message(self) -> Message:
        """As the mind reads it."""
        return Message(self.role, self.text)


class Opening(Part):
    """How a talk begins."""

    speaks_first: bool = Field(
        default=False, description="where there is no greeting, the mind has the first word"
    )
    sleep_ms: int = Field(default=0, ge=0, le=300_000, description="before anything is said")
    history: tuple[Line, ...] = Field(
        default=(), max_length=1000, description="what the mind is to know as said already"
    )


#: by which a mind begins
BEGIN = "The call has begun: speak first."
