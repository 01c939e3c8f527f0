"""Requests: what a mind is asked, written so that a long talk does not grow with its square.

A prompt or a list of tools stands once, in a line of its own, and is named by the hash of its
content; of the messages a request says which of an earlier one's it begins with, and the rest.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.call.model_log import ModelLog
from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation, Message
from .cleaning import Cleaner

#: a name without digits: no rule of redaction takes it for a number
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class Requests:
    """Those of one mind, in order."""

    def __init__(self, log: ModelLog, cleaner: Cleaner) -> None:
        self._log = log
        self._cleaner = cleaner
        #: the request before this one: its number, and its messages
        self._before: tuple[int, tuple[Message, ...]] = (0, ())
        #: the newest prompt and its name: it hardly ever changes, and cleaning costs milliseconds
        self._prompt = ("", "")
        #: by identity: what was cleaned once is not cleaned again
        self._clean: dict[int, tuple[Message, dict[str, Any]]] = {}

    def put(self, number: int, head: Mapping[str, Any], asked: Conversation, prompt: str) -> None:
        """Put request `number` on record."""
        messages = tuple(asked.messages)
        base, (start, end) = self._shared(messages)
        new = [self._cleaned(message) for message in messages[end - start :]]
        line: dict[str, Any] = {"type": "request", "n": number, **head}
        line["prompt"] = self._prompt_id(prompt)
        if end > start:
            line["begins"] = {"n": base, "from": start, "to": end}
        line["messages"] = new
        self._log.put(line)
        self._before = (number, messages)
        kept = {id(message) for message in messages}
        self._clean = {key: value for key, value in self._clean.items() if key in kept}

    def tools(self, tools: Sequence[ToolSpec]) -> str:
        """The name of a list of tools, which is on record; empty for none."""
        if not tools:
            return ""
        offered = [
            {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}
            for t in tools
        ]
        return self._once("tools", offered)

    def _prompt_id(self, prompt: str) -> str:
        if prompt != self._prompt[0]:
            self._prompt = (prompt, self._once("prompt", self._cleaner.text(prompt)))
        return self._prompt[1]

    def _once(self, kind: str, content: Any) -> str:
        raw = json.dumps(content, sort_keys=True, default=str)
        name = hashlib.sha256(raw.encode()).hexdigest()[:16].translate(_LETTERS)
        if name not in self._log.known:
            self._log.known.add(name)
            self._log.put({"type": kind, "id": name, "content": content})
        return name

    def _shared(self, messages: tuple[Message, ...]) -> tuple[int, tuple[int, int]]:
        """From where to where the request before has what this one begins with."""
        number, before = self._before
        start = next((n for n, m in enumerate(before) if messages and m is messages[0]), None)
        if start is None:
            return number, (0, 0)
        end = start
        for ours, theirs in zip(messages, before[start:], strict=False):
            if ours is not theirs:
                break
            end += 1
        return number, (start, end)

    def _cleaned(self, message: Message) -> dict[str, Any]:
        known = self._clean.get(id(message))
        if known is None:
            known = self._clean[id(message)] = (message, self._cleaner.message(message))
        return known[1]
