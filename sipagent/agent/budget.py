"""Budget: how much an agent may spend on one call before it takes its leave."""

from typing import Literal

from pydantic import Field

from sipagent.call.session import CallSession
from sipagent.events import LimitReached

from .parts import Part


class BudgetSpec(Part):
    """`budget:` of an agent. Its bounds hold for the call, whichever agents have talked in it."""

    turns: int | None = Field(default=None, ge=1, description="answers to the caller")
    tokens: int | None = Field(default=None, ge=1, description="of language models, in and out")
    cost: float | None = Field(
        default=None, gt=0, description="of all providers with prices, in their currency"
    )
    goodbye: str = Field(
        default="I am afraid our time is up. Goodbye.",
        description="said before the agent leaves: then the fallback section, or the next step",
    )


def reached(spec: BudgetSpec, call: CallSession) -> bool:
    """Is one of the limits reached? Puts on record which."""
    spent = call.spending
    values: tuple[tuple[Literal["turns", "tokens", "cost"], float | None, float], ...] = (
        ("turns", spec.turns, spent.turns),
        ("tokens", spec.tokens, spent.tokens),
        ("cost", spec.cost, spent.cost),
    )
    for name, bound, value in values:
        if bound is not None and value >= bound:
            call.emit(LimitReached, limit=name, bound=bound, value=value)
            return True
    return False
