"""What is typed to pay: number, date, codes; each checked, and kept where nobody sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sipagent.call.cards import card_type, code_length
from sipagent.call.entries import ENTRIES, Entry, Typing

from .pay_prompts import Problem, Step

CANCEL, TERMINATORS = "*", "#"
_POSTAL = Entry("postal code", 1, 12)
_INVALID: dict[Step, Problem] = {
    "payment-card-number": "invalid-card-number",
    "expiration-date": "invalid-date",
    "security-code": "invalid-security-code",
    "postal-code": "invalid-postal-code",
}


@dataclass(slots=True, repr=False)
class Entries:
    """What has been typed so far. `kinds` are the cards that are taken; none takes all."""

    kinds: Sequence[str]
    shortest_postal: int
    typed: dict[Step, str] = field(default_factory=dict)

    @property
    def card(self) -> str:
        """Whose card it is; empty while that is not known."""
        return card_type(self.typed.get("payment-card-number", "")) or ""

    def typing(self, step: Step) -> Typing:
        """One attempt at a step."""
        return Typing(TERMINATORS, CANCEL, self._entry(step).longest)

    def take(self, step: Step, digits: str, today: date) -> Problem | None:
        """Keep it, or say what is wrong with it."""
        if not digits:
            return "timeout"
        if not self._entry(step).accepts(digits, today):
            return _INVALID[step]
        if step == "payment-card-number" and self.kinds and card_type(digits) not in self.kinds:
            return "invalid-card-type"
        self.typed[step] = digits
        return None

    def _entry(self, step: Step) -> Entry:
        if step == "payment-card-number":
            return ENTRIES["card_number"]
        if step == "expiration-date":
            return ENTRIES["expiry"]
        if step == "security-code":
            length = code_length(card_type(self.typed.get("payment-card-number", "")))
            return replace(ENTRIES["security_code"], shortest=length, longest=length)
        return replace(_POSTAL, shortest=max(1, self.shortest_postal))
