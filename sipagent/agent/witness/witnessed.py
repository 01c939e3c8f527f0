"""Witnessed: a mind whose every request and answer is put on the call's model log."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

from sipagent.call.model_log import ModelLog
from sipagent.call.session import CallSession
from sipagent.errors import ProviderError
from sipagent.media.clock import MediaClock
from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation
from ..failover import Candidate, Lineup, Record
from ..protocols import Brain, Briefed, Connected, Expectation, Say, Spoken, ToolCall, Used
from ..streams import closing
from .cleaning import Cleaner
from .requests import Requests

#: what a mind is asked for: its part in a talk, what is made of one afterwards, a verb's wish for
#: a text, advice to an operator who talks himself
Purpose = Literal["talk", "afterwards", "writing", "sidecar"]


@runtime_checkable
class Described(Protocol):
    """A mind that knows what it sends along beside the conversation."""

    def described(self) -> Mapping[str, Any]:
        """`model`, `settings` and, where a conversation brings none, `prompt`; no secret."""
        ...


@dataclass(frozen=True, slots=True)
class Witness:
    """Who writes for all minds of one lineup."""

    log: ModelLog
    clock: MediaClock
    cleaner: Cleaner
    purpose: Purpose
    agent: str


def minds_of(
    call: CallSession,
    candidates: Sequence[Candidate[Brain]],
    record: Record,
    purpose: Purpose,
    agent: str = "",
) -> Lineup[Brain]:
    """The lineup of these minds, on record where the call has a model log."""
    log = call.services.model_log
    if not log.keeps:
        return Lineup("mind", candidates, record)
    cleaner = Cleaner(call.services.privacy.redact)
    witness = Witness(log, call.bridge.clock, cleaner, purpose, agent)
    return Lineup("mind", [_seen(one, witness) for one in candidates], record)


def _seen(candidate: Candidate[Brain], witness: Witness) -> Candidate[Brain]:
    def make() -> Brain:
        brain = candidate.make()
        kind = WitnessedBriefed if isinstance(brain, Briefed) else Witnessed
        return kind(brain, candidate.name, witness)

    return replace(candidate, make=make)


@dataclass(slots=True)
class _Answer:
    """What came so far; times in ms of the media clock since it was asked."""

    asked: int
    text: str = ""
    spoken: bool = False
    calls: list[ToolCall] = field(default_factory=list)
    used: Used | None = None
    first: int | None = None
    error: str = ""
    whole: bool = False

    def take(self, part: Say | Spoken | ToolCall | Used, now: int) -> None:
        """One more part."""
        if self.first is None and not isinstance(part, Used):
            self.first = now - self.asked
        match part:
            case Say():
                self.text += part.text
            case Spoken():
                self.spoken = True
                self.text += part.text
            case ToolCall():
                self.calls.append(part)
            case Used():
                self.used = part


class Witnessed:
    """A Brain around another, which it leaves as it is."""

    def __init__(self, brain: Brain, provider: str, witness: Witness) -> None:
        self._brain = brain
        self._provider = provider
        self._witness = witness
        self._requests = Requests(witness.log, witness.cleaner)

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self._brain.expects(conversation)

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | Spoken | ToolCall | Used]:
        """See `Brain`."""
        number = self._witness.log.number()
        answer = _Answer(self._witness.clock.t)
        self._ask(number, conversation, tools)
        try:
            async with closing(self._brain.reply(conversation, tools)) as parts:
                async for part in parts:
                    answer.take(part, self._witness.clock.t)
                    yield part
            answer.whole = True
        except ProviderError as error:
            answer.error = error.cause
            raise
        finally:
            self._put(number, answer)

    async def warm(self) -> None:
        """See `Connected`."""
        if isinstance(self._brain, Connected):
            await self._brain.warm()

    async def aclose(self) -> None:
        """See `Connected`."""
        if isinstance(self._brain, Connected):
            await self._brain.aclose()

    def _ask(self, number: int, asked: Conversation, tools: Sequence[ToolSpec]) -> None:
        brain, witness = self._brain, self._witness
        own = brain.described() if isinstance(brain, Described) else {}
        head = {
            "t": witness.clock.t,
            "for": witness.purpose,
            "agent": witness.agent,
            "provider": self._provider,
            "model": own.get("model", ""),
            "settings": {**own.get("settings", {}), **asked.settings},
            "tools": self._requests.tools(tools),
        }
        self._requests.put(number, head, asked, asked.prompt or str(own.get("prompt") or ""))

    def _put(self, number: int, answer: _Answer) -> None:
        cleaner, now = self._witness.cleaner, self._witness.clock.t
        line: dict[str, Any] = {"type": "answer", "n": number, "t": now}
        line["end"] = "failed" if answer.error else "whole" if answer.whole else "stopped"
        line["text"] = cleaner.text(answer.text)
        if answer.spoken:
            line["spoken"] = True
        line["calls"] = [
            {"id": c.id, "name": c.name, "arguments": cleaner.data(c.arguments)}
            for c in answer.calls
        ]
        line["first_ms"] = answer.first
        line["ms"] = now - answer.asked
        if (used := answer.used) is not None:
            line["model"] = used.model
            line["tokens"] = {"input": used.input, "output": used.output, "cached": used.cached}
        if answer.error:
            line["error"] = answer.error
        self._witness.log.put(line)


class WitnessedBriefed(Witnessed):
    """One that opens its connection for a prompt and tools."""

    def brief(self, conversation: Conversation, tools: Sequence[ToolSpec]) -> None:
        """See `Briefed`."""
        if isinstance(self._brain, Briefed):
            self._brain.brief(conversation, tools)
