"""Cleaning: messages of a talk as the call's record may hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.call.redaction.redactor import Redactor
from sipagent.call.redaction.rules import Rule

from ..conversation import Message

#: characters of one text that are kept
LONGEST = 64_000
#: keys typed in a row that are told before they can be known to be a card number
_FIRST_KEYS = 4
#: how a line of a transcript begins that a mind is given as one text
_CALLER = "caller: "


class Cleaner:
    """One for each conversation: it follows what is dictated from turn to turn, and keys."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._redactor = Redactor(rules)
        self._keys = 0

    def message(self, message: Message) -> dict[str, Any]:
        """A message as data, without what is empty; to be given each message once, in order."""
        text = message.text
        if message.role == "caller":
            text = self._said(text)
        told = {
            "role": message.role,
            "text": self.text(text),
            "digits": self._typed(message),
            "confidence": message.confidence,
            "interrupted": message.interrupted,
            "requests": [
                {"id": r.id, "name": r.name, "arguments": self.data(r.arguments)}
                for r in message.requests
            ],
            "tool_call_id": message.tool_call_id,
            "tool": message.tool,
            "failed": not message.ok,
        }
        return {name: value for name, value in told.items() if value or name == "role"}

    def text(self, text: str) -> str:
        """Any other text."""
        text = self._redactor.text(text)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]} [...]"

    def data(self, data: Any) -> Any:
        """JSON data; what came as text is cut as texts are."""
        return self._short(self._redactor.data(data))

    def _short(self, data: Any) -> Any:
        if isinstance(data, str):
            return data if len(data) <= LONGEST else f"{data[:LONGEST]} [...]"
        if isinstance(data, Mapping):
            return {str(key): self._short(value) for key, value in data.items()}
        if isinstance(data, Sequence):
            return [self._short(item) for item in data]
        return data

    def _said(self, text: str) -> str:
        """A turn of the caller's, or a transcript of several."""
        if not self._rules:
            return text
        if _CALLER not in text:
            return self._redactor.said(text)
        lines = text.split("\n")
        return "\n".join(
            _CALLER + self._redactor.said(line.removeprefix(_CALLER))
            if line.startswith(_CALLER)
            else line
            for line in lines
        )

    def _typed(self, message: Message) -> str:
        """Keys pressed in place of words: of many in a row only the first few are told."""
        digits = message.digits
        if not digits or not self._rules:
            self._keys = 0 if message.role == "caller" else self._keys
            return digits
        if "keys" in self._rules:
            return "[keys]"
        told = max(0, _FIRST_KEYS - self._keys)
        self._keys += len(digits)
        if "card_numbers" not in self._rules or len(digits) <= told:
            return digits
        return f"{digits[:told]}[keys]"
