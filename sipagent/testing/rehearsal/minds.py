"""Minds of a rehearsal: scripted answers in the place of what would need a network."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import Awaited, Brain, Expectation, Say, ToolCall, Used
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.errors import ProviderError
from sipagent.tools.spec import ToolSpec
from sipagent.worker.makers import Purpose


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mind that a call is about to have. `agent` is its name in the plan, empty for one without
    (inline SWML, a verb that writes); `embedded` is True where it needs no network.
    """

    agent: str
    purpose: Purpose
    ref: ProviderRef
    spec: AgentSpec
    embedded: bool


class Minds(Protocol):
    """Who gives a rehearsal its minds."""

    def __call__(self, wanted: Wanted) -> Brain | None:
        """A mind, or None for the plan's own, which is refused where it needs a network.

        May raise ProviderError.
        """
        ...


def no_minds(wanted: Wanted) -> Brain | None:
    """Embedded minds as they are, and no others."""
    return None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a scripted mind: words, then tools by name with their arguments. With `when`
    (a regular expression, any case) it waits for words of the caller, or a tool's result, that
    it is found in. `fault` is a failure in its place; `seconds` is how long it takes.
    """

    says: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    when: str = ""
    fault: str = ""
    seconds: float = 0.0
    #: what the mind waits for next
    awaits: Awaited = "speech"


@dataclass(slots=True)
class MindScript:
    """The answers still to come; several minds may share them. `unanswered` is what there was no
    answer to.
    """

    answers: list[Answer]
    unanswered: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def take(self, text: str, *, after_tool: bool) -> Answer:
        """The answer to a text; after a tool's result there need be none."""
        for answer in self.answers:
            if answer.when and re.search(answer.when, text, re.IGNORECASE):
                break
        else:
            answer = next((a for a in self.answers if not a.when), Answer())
        if answer in self.answers:
            self.answers.remove(answer)
        elif not after_tool:
            self.unanswered.append(text)
            raise ProviderError("script", f"no answer is left to {text!r}", retryable=False)
        return answer

    def number(self) -> str:
        """The id of one more tool call."""
        return f"scripted-{next(self._numbers)}"


class ScriptedMind:
    """A Brain that answers by a script. `phrases` are what the agent's ears are told to expect."""

    def __init__(self, script: MindScript, phrases: Sequence[str] = ()) -> None:
        self._script = script
        self._phrases = tuple(phrases)
        self._awaits: Awaited = "speech"

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return Expectation(self._phrases, self._awaits)

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall | Used]:
        """See `Brain`. Raises ProviderError."""
        last = conversation.last
        text = "" if last is None else last.text or last.digits
        answer = self._script.take(text, after_tool=last is not None and last.role == "tool")
        self._awaits = answer.awaits
        await asyncio.sleep(answer.seconds)
        if answer.fault:
            raise ProviderError("script", answer.fault, retryable=False)
        if answer.says:
            yield Say(answer.says)
        for name, arguments in answer.calls:
            yield ToolCall(self._script.number(), name, dict(arguments))


def phrases_of(spec: AgentSpec) -> tuple[str, ...]:
    """What callers of an agent are expected to say."""
    found = (phrase for intent in spec.intents.values() for phrase in intent.phrases)
    return tuple(dict.fromkeys(found))
