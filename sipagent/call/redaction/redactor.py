"""Redactor: takes what the rules name out of the personal fields of a call's events."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sipagent.events import BargeIn, Base, DigitReceived, Said, TurnEnded, Warned, personal_fields

from .dictation import Dictation
from .rules import Rule, redacted, spans

#: keys pressed with longer between them are not one number, ms
_KEY_GAP_MS = 15_000
#: how much of a number that is typed is told before it can be known to be one
_FIRST_KEYS = 4

_personal = cache(personal_fields)


class Redactor:
    """One for each call: it remembers how many keys came in a row, and what is being dictated."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._dictation = Dictation()
        self._keys = 0
        self._key_t = 0

    def event(self, event: Base) -> Base:
        """The event as it may be put on record."""
        if not self._rules:
            return event
        match event:
            case DigitReceived():
                return self._key(event)
            case Said(speaker="caller"):
                return event.model_copy(update={"text": self._turn(event.text)})
            case Said():
                text, unheard = self._cut(event.text, event.unheard)
                return event.model_copy(update={"text": text, "unheard": unheard})
            case Warned(code="tool_error"):
                # what somebody's function raised may quote what it was called with
                return event.model_copy(update={"detail": self.text(event.detail)})
        names = _personal(type(event))
        # these words are those heard so far
        partial = isinstance(event, BargeIn | TurnEnded)
        clean = {name: self._clean(getattr(event, name), partial) for name in names}
        return event.model_copy(update=clean)

    def text(self, text: str) -> str:
        """A text as it may be kept."""
        return redacted(text, self._rules) if self._rules else text

    def _clean(self, value: Any, partial: bool) -> Any:
        if isinstance(value, str):
            return redacted(value, self._rules, unfinished=partial)
        if isinstance(value, Mapping):
            return {key: self._clean(item, partial) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._clean(item, partial) for item in value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            told = redacted(str(value), self._rules)
            return value if told == str(value) else told
        return value

    def _turn(self, text: str) -> str:
        run = self._dictation.continued(text) if "card_numbers" in self._rules else None
        if run is None:
            return redacted(text, self._rules)
        before, after = text[: run.start], text[run.end :]
        return f"{redacted(before, self._rules)}[number]{redacted(after, self._rules)}"

    def _cut(self, heard: str, unheard: str) -> tuple[str, str]:
        """What was heard and what was not, of one text that a barge-in cut, inside a number too."""
        if not unheard:
            return redacted(heard, self._rules), ""
        whole, border = f"{heard} {unheard}", len(heard)
        parts = ["", ""]
        at = 0
        for span in spans(whole, self._rules):
            parts[0] += whole[at : min(span.start, border)] if at < border else ""
            parts[1] += whole[max(at, border + 1) : span.start]
            parts[int(span.start > border)] += f"[{span.name}]"
            at = span.end
        parts[0] += whole[at:border]
        parts[1] += whole[max(at, border + 1) :]
        return parts[0], parts[1].strip()

    def _key(self, event: DigitReceived) -> DigitReceived:
        """Digit by digit nobody can tell a card number: of many keys in a row only the first few
        are told.
        """
        follows = event.t - self._key_t <= _KEY_GAP_MS
        self._keys = self._keys + 1 if follows and event.digit.isdecimal() else 1
        self._key_t = event.t
        numbers = "card_numbers" in self._rules and self._keys > _FIRST_KEYS
        if "keys" not in self._rules and not numbers:
            return event
        return event.model_copy(update={"digit": "", "hidden": True})
