"""What every event says, and which of its fields are personal."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Personal:
    """Marker of personal data; see `personal_fields`."""


Personal = Annotated[str, _Personal()]
PersonalData = Annotated[dict[str, Any], _Personal()]
Speaker = Literal["caller", "agent", "callee"]


class Base(BaseModel):
    """What every event says."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    call_id: str
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    t: int = 0


@cache
def personal_fields(event: type[Base]) -> frozenset[str]:
    """Names of the fields of an event type that hold personal data."""
    return frozenset(
        name
        for name, field in event.model_fields.items()
        if any(isinstance(mark, _Personal) for mark in field.metadata)
    )
