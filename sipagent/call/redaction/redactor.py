"""Redactor: takes what the rules name out of the personal fields of a call's events."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sipagent.events import BargeIn, Base, DigitReceived, Said, TurnEnded, Warned, personal_fields

from .dictation import Dictation
from .numbers import Run
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
                return event.model_copy(update={"text": self.said(event.text)})
            case BargeIn() | TurnEnded():
                # these words are those heard so far
                run = self._dictation.would_continue(event.words)
                words = self._without(run, event.words, unfinished=True)
                return event.model_copy(update={"words": words})
            case Said():
                text, unheard = self._cut(event.text, event.unheard)
                return event.model_copy(update={"text": text, "unheard": unheard})
            case Warned(code="tool_error"):
                # what somebody's function raised may quote what it was called with
                return event.model_copy(update={"detail": self.text(event.detail)})
        names = _personal(type(event))
        clean = {name: self._clean(getattr(event, name)) for name in names}
        return event.model_copy(update=clean)

    def said(self, text: str) -> str:
        """A turn of the caller's as it may be kept; to be given each once, in order."""
        return self._without(self._dictation.continued(text), text) if self._rules else text

    def text(self, text: str) -> str:
        """A text as it may be kept."""
        return redacted(text, self._rules) if self._rules else text

    def data(self, data: Any) -> Any:
        """JSON data as it may be kept."""
        return self._clean(data) if self._rules else data

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return redacted(value, self._rules)
        if isinstance(value, Mapping):
            return {key: self._clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._clean(item) for item in value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            told = redacted(str(value), self._rules)
            return value if told == str(value) else told
        return value

    def _without(self, run: Run | None, text: str, *, unfinished: bool = False) -> str:
        """The text redacted, and without the digits that go on with what was dictated before."""
        if run is None or "card_numbers" not in self._rules:
            return redacted(text, self._rules, unfinished=unfinished)
        before, after = text[: run.start], text[run.end :]
        rest = redacted(after, self._rules, unfinished=unfinished)
        return f"{redacted(before, self._rules)}[number]{rest}"

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
