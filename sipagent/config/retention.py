"""Settings of retention: how long what is known of a call is kept, by kind of data and of call."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from .parts import Part

#: what a call leaves, from the part that goes alone to the whole of it
Kind = Literal["recordings", "models", "transcripts", "ladders", "records"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: for ever, in a rule that is an exception to others
FOREVER = "forever"
_PERIOD = re.compile(r"([1-9][0-9]{0,5})(min|h|d|w|mo|y)")
_HOURS = {"min": 1 / 60, "h": 1, "d": 24, "w": 168, "mo": 730, "y": 8_766}


def _period(text: str) -> str:
    if text != FOREVER and not _PERIOD.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a time to keep: 15min, 12h, 30d, 4w, 6mo, 2y or {FOREVER}"
        )
    return text


Period = Annotated[str, AfterValidator(_period)]


def length_of(period: str | None) -> timedelta | None:
    """How long that is; None: for ever. A month is a twelfth of a year of 365.25 days."""
    found = _PERIOD.fullmatch(period or "")
    return None if found is None else timedelta(hours=int(found[1]) * _HOURS[found[2]])


class Keep(Part):
    """How long what a call leaves is kept, from its beginning; what is not named is not decided
    here.
    """

    recordings: Period | None = Field(default=None, description="files of sound")
    models: Period | None = Field(
        default=None, description="models.jsonl: what models were asked and answered"
    )
    transcripts: Period | None = Field(
        default=None,
        description="what was said, pressed and asked of tools, and models.jsonl: taken out of "
        "events, call.json and timeline.svg; when, by whom and how long stays",
    )
    ladders: Period | None = Field(default=None, description="SIP messages")
    records: Period | None = Field(
        default=None, description="everything of the call, and its line among the calls"
    )


class KeepRule(Keep):
    """For the calls that fit every key that is given."""

    plan: str | None = Field(default=None, max_length=256)
    direction: Literal["inbound", "outbound"] | None = None
    outcome: Literal["answered", "unanswered"] | None = None
    status: str = Field(
        default="", pattern=r"^([1-6]([0-9]{2}|xx))?$", description="SIP status it ended with: 4xx"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not any((self.plan, self.direction, self.outcome, self.status)):
            raise ValueError("fits every call: put it beside `rules`, not into them")
        if not any(getattr(self, kind) for kind in KINDS):
            raise ValueError(f"says nothing: give one of {', '.join(KINDS)}")
        return self


class Retention(Keep):
    """Absent: everything is kept for ever. Of each kind the first rule that fits a call and names
    the kind decides, then `plans`, then what stands here for all. Calls on hold stay.
    """

    plans: Mapping[str, Keep] = Field(default_factory=dict, description="by name of the dialplan")
    rules: tuple[KeepRule, ...] = Field(default=(), max_length=64)
    tolls: Period | None = Field(
        default=None, description="daily sums of outbound calls, by who paid for them"
    )
    speech: Period | None = Field(
        default=None, description="files of the speech cache that nobody heard for so long"
    )
    audit: Period | None = Field(
        default=None, description="segments of the audit chain; the rest stays verifiable"
    )
    every: float = Field(default=3_600, ge=1, le=86_400, description="seconds between two looks")

    @property
    def all_rules(self) -> tuple[KeepRule, ...]:
        """Those of `plans` behind the others."""
        of_plans = (
            KeepRule(plan=plan, **keep.model_dump(exclude_none=True))
            for plan, keep in self.plans.items()
            if any(getattr(keep, kind) for kind in KINDS)
        )
        return (*self.rules, *of_plans)
