"""Privacy: what a plan or a server keeps to itself, under `privacy:`."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from .redaction.rules import Rule


class Privacy(BaseModel):
    """What is not kept of calls, and what their model may know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    redact: tuple[Rule, ...] = Field(
        default=(),
        max_length=32,
        description="taken out of transcripts and records: card_numbers, iban, email, phone, keys, "
        "{pattern: ..., name: ...}",
    )
    redact_for_model: bool = Field(default=False, description="the model does not read it either")
    last_four: bool = Field(
        default=False, description="the model learns the last four digits of a card number"
    )


#: nothing is asked for
NOTHING = Privacy()


def strictest(several: Iterable[Privacy]) -> Privacy:
    """What holds where all of them do."""
    known = tuple(several)
    return Privacy(
        redact=tuple(dict.fromkeys(rule for one in known for rule in one.redact)),
        redact_for_model=any(one.redact_for_model for one in known),
        last_four=all(one.last_four for one in known),
    )
