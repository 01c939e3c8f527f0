"""Privacy: what a plan or a server keeps to itself, under `privacy:`."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .redaction.rules import ReadRule

CONSENT_QUESTION = (
    "This call may be recorded. Do you agree? Say yes, or press 1. Say no, or press 2."
)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


class Privacy(BaseModel):
    """What is not kept of calls, and what their model may know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    redact: Annotated[tuple[ReadRule, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=32,
        description="taken out of transcripts and records: card_numbers, iban, email, phone, keys, "
        "{pattern: ..., name: ...}",
    )
    redact_for_model: bool = Field(default=False, description="the model does not read it either")
    recording_consent: Literal["none", "required"] = Field(
        default="none", description="required: no recording and no tap before the caller agrees"
    )
    consent_question: str = Field(
        default=CONSENT_QUESTION, min_length=1, max_length=1_000, description="what they are asked"
    )
    last_four: bool = Field(
        default=False, description="the model learns the last four digits of a card number"
    )


#: nothing is asked for
NOTHING = Privacy()


def strictest(several: Iterable[Privacy]) -> Privacy:
    """What holds where all of them do."""
    known = tuple(several) or (NOTHING,)
    return Privacy(
        redact=tuple(dict.fromkeys(rule for one in known for rule in one.redact)),
        redact_for_model=any(one.redact_for_model for one in known),
        recording_consent="required"
        if any(one.recording_consent == "required" for one in known)
        else "none",
        consent_question=next(
            (one.consent_question for one in known if one.consent_question != CONSENT_QUESTION),
            CONSENT_QUESTION,
        ),
        last_four=all(one.last_four for one in known),
    )
