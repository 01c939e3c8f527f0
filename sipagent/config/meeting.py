"""Settings of where calls meet: queues and their members, parking slots."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .parts import OneOrMore, Part


class Queue(Part):
    """A queue that rings phones. Every other one is served by those who call it."""

    members: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=(), description="extensions, SIP URIs or numbers, rung by the first in the queue"
    )
    strategy: Literal["ring-all", "longest-idle", "round-robin"] = Field(
        default="ring-all", description="ring-all rings three at once, a call's legs being four"
    )
    ring_seconds: float = Field(default=20, gt=0, le=300, description="then the next member")
    retry_seconds: float = Field(
        default=5, ge=0, le=300, description="pause when nobody of all members answered"
    )
    wrap_up_seconds: float = Field(
        default=0, ge=0, le=3600, description="a member's pause after a call"
    )
    max_size: int = Field(default=100, ge=1, description="callers who wait; above: refused")


class Parking(Part):
    """The slots of `park`."""

    first: int = Field(default=701, ge=0, le=999_999)
    last: int = Field(default=720, ge=0, le=999_999)

    @model_validator(mode="after")
    def _ordered(self) -> "Parking":
        if not self.first <= self.last < self.first + 1000:
            raise ValueError("last must not be less than first, nor 1000 more")
        return self

    @property
    def slots(self) -> tuple[str, ...]:
        """All of them, as they are dialled."""
        return tuple(str(number) for number in range(self.first, self.last + 1))
