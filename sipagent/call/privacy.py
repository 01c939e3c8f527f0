"""Privacy: what a plan or a server keeps to itself, under `privacy:`."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field


class Privacy(BaseModel):
    """What is not kept of calls, and what their model may know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    last_four: bool = Field(
        default=False, description="the model learns the last four digits of a card number"
    )


#: nothing is asked for
NOTHING = Privacy()


def strictest(several: Iterable[Privacy]) -> Privacy:
    """What holds where all of them do."""
    known = tuple(several)
    return Privacy(last_four=all(one.last_four for one in known))
