"""What a caller who pays is told, step by step: the plan's own prompts, or ours. Pure."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Step = Literal[
    "payment-card-number",
    "expiration-date",
    "security-code",
    "postal-code",
    "payment-processing",
    "payment-completed",
    "payment-failed",
    "payment-cancelled",
]
Problem = Literal[
    "timeout",
    "invalid-card-number",
    "invalid-card-type",
    "invalid-date",
    "invalid-security-code",
    "invalid-postal-code",
    "card-declined",
]

Words = Annotated[
    tuple[str, ...], BeforeValidator(lambda v: tuple(v.split()) if isinstance(v, str) else v)
]

_TOLD: Mapping[Step, str] = {
    "payment-card-number": "Please type your card number, then press the hash key.",
    "expiration-date": "Please type the expiry date of your card, two digits for the month and "
    "two for the year.",
    "security-code": "Please type the security code of your card, then press the hash key.",
    "postal-code": "Please type your postal code, then press the hash key.",
    "payment-processing": "One moment please, your payment is being processed.",
    "payment-completed": "Thank you. That worked.",
    "payment-failed": "I am sorry, that did not work.",
    "payment-cancelled": "The payment was cancelled.",
}
_WRONG: Mapping[Problem, str] = {
    "timeout": "I did not get anything.",
    "invalid-card-number": "That is not a valid card number.",
    "invalid-card-type": "Cards of that kind are not taken.",
    "invalid-date": "That is not a valid date.",
    "invalid-security-code": "That is not a valid security code.",
    "invalid-postal-code": "That is not a valid postal code.",
    "card-declined": "The card was declined.",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PromptAction(_Part):
    """Words, or a sound's URL."""

    type: Annotated[
        Literal["Say", "Play"],
        BeforeValidator(lambda v: v.capitalize() if isinstance(v, str) else v),
    ]
    phrase: str

    @property
    def url(self) -> str:
        """As everything that is played here is written."""
        return f"say:{self.phrase}" if self.type == "Say" else self.phrase


class PayPrompt(_Part):
    """What is played at one step, in certain attempts, for certain cards, after certain errors."""

    for_: Step = Field(alias="for")
    actions: tuple[PromptAction, ...]
    attempts: Words = ()
    card_type: Words = ()
    error_type: Words = ()

    def fits(self, moment: "Moment") -> int:
        """How many of its conditions hold; -1 where one does not."""
        score = 0
        for wanted, has in (
            (self.attempts, str(moment.attempt)),
            (self.card_type, moment.card_type),
            (self.error_type, moment.problem),
        ):
            if wanted and has not in wanted:
                return -1
            score += bool(wanted)
        return score if self.for_ == moment.step else -1


class Moment(_Part):
    """Where the payment stands when something is said."""

    step: Step
    attempt: int = 1
    card_type: str = ""
    problem: Problem | Literal[""] = ""


def words(prompts: Sequence[PayPrompt], moment: Moment) -> tuple[str, ...]:
    """What is played: the plan's prompt that fits best, the first of those, or our words."""
    best = max(prompts, key=lambda prompt: prompt.fits(moment), default=None)
    if best is not None and best.fits(moment) >= 0:
        return tuple(action.url for action in best.actions)
    wrong = f"{_WRONG[moment.problem]} " if moment.problem else ""
    if moment.step == "payment-failed" and wrong:
        return (f"say:{wrong.strip()}",)
    return (f"say:{wrong}{_TOLD[moment.step]}",)
