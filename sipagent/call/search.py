"""Search: which calls on record are wanted; every key that is given must fit."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LONGEST = 256


def _moment(value: datetime) -> datetime:
    """A time without a zone is UTC; one no calendar of a database has is none."""
    if not 1970 <= value.year <= 9000:
        raise ValueError("not a time calls can have")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_moment)]


class Search(BaseModel):
    """What is looked for among calls that live and calls that are over."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    since: Moment | None = Field(
        default=None, description="begun then or later; a time without a zone is UTC"
    )
    until: Moment | None = Field(default=None, description="begun before then")
    caller: str = Field(
        default="", max_length=_LONGEST, description="part of the number or URI of who called"
    )
    callee: str = Field(
        default="", max_length=_LONGEST, description="part of the number or URI that was called"
    )
    plan: str = Field(default="", max_length=_LONGEST, description="name of the dialplan")
    direction: Literal["inbound", "outbound"] | None = None
    state: Literal["live", "ended"] | None = None
    status: str = Field(
        default="",
        pattern=r"^([1-6]([0-9]{2}|xx))?$",
        description="SIP status it ended with: 486, or a class of them: 4xx",
    )
    ended_by: Literal["caller", "agent", "plan", "system"] | None = None
    min_duration: float | None = Field(
        default=None, ge=0, le=1e9, description="seconds from the answer to the end, at least"
    )
    text: str = Field(
        default="",
        max_length=_LONGEST,
        description="words that were said, as the transcript keeps them",
    )
