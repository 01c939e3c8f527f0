"""Cassettes: what a real mind answered when a scenario was recorded, found again by what it was
asked.

A request is known by the hash of everything that a mind is given: prompt, tools, and the talk so
far. No option of a provider and no secret of one is in the file.
"""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from sipagent.agent.conversation import Conversation
from sipagent.agent.parts import Part
from sipagent.agent.protocols import Brain, Expectation, Say, Spoken, ToolCall, Used
from sipagent.agent.streams import closing
from sipagent.errors import ConfigError, Finding, ProviderError
from sipagent.testing.rehearsal import Minds, Wanted
from sipagent.testing.rehearsal.minds import phrases_of
from sipagent.tools.spec import ToolSpec


class Call(Part):
    """A tool that the mind called."""

    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Entry(Part):
    """One request and its answer. `asked` is for people: what the mind answered to; of the parts of
    the request there are the hashes. `takes` is seconds to the first part.
    """

    key: str
    agent: str = ""
    purpose: str = "talk"
    asked: str = ""
    prompt: str
    tools: str
    messages: str
    says: str = ""
    calls: tuple[Call, ...] = ()
    fails: str = ""
    takes: float = 0.0


class Tape(Part):
    """A cassette's file."""

    version: Literal[1] = 1
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a mind is asked, as hashes."""

    prompt: str
    tools: str
    messages: str
    asked: str

    @classmethod
    def of(cls, wanted: Wanted, conversation: Conversation, tools: Sequence[ToolSpec]) -> "Request":
        """Of a mind, whose own prompt stands where the conversation has none."""
        last = conversation.last
        offered = [(t.name, t.description, t.parameters) for t in tools]
        said = [
            (m.role, m.text, m.digits, m.tool, m.ok, [(r.name, r.arguments) for r in m.requests])
            for m in conversation.messages
        ]
        prompt = conversation.prompt or wanted.spec.prompt or ""
        asked = "" if last is None else last.text or last.digits
        return cls(_hash(prompt), _hash(offered), _hash(said), asked)

    def key(self, wanted: Wanted) -> str:
        """What it is found by."""
        return _hash([wanted.agent, wanted.purpose, self.prompt, self.tools, self.messages])


def _hash(content: Any) -> str:
    raw = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(raw.encode()).hexdigest()[:16]


def read_tape(path: Path) -> Tape:
    """Raises ConfigError."""
    try:
        return Tape.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        cause = f"cannot be read: {error.strerror or error}"
        hint = "record it: sipagent test --record"
        raise ConfigError([Finding(str(path), 1, "", cause, hint=hint)]) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ConfigError([Finding(str(path), 1, "", f"is no cassette: {error}")]) from error


class Cassette:
    """`Minds` that answer as they did. What is asked for again and again gets the answers in their
    order, the last one for ever. `unknown` is what there was no answer to, in sentences.
    """

    def __init__(self, tape: Tape) -> None:
        self.unknown: list[str] = []
        self._entries = tape.entries
        self._by_key: dict[str, list[Entry]] = defaultdict(list)
        for entry in tape.entries:
            self._by_key[entry.key].append(entry)

    def __call__(self, wanted: Wanted) -> Brain | None:
        """See `Minds`; embedded minds as they are."""
        return None if wanted.embedded else CassetteMind(self, wanted)

    def take(self, wanted: Wanted, request: Request) -> Entry:
        """The answer to a request. Raises ProviderError where there is none."""
        entries = self._by_key.get(request.key(wanted))
        if not entries:
            why = self._why(wanted, request)
            self.unknown.append(f"the cassette has no answer to {request.asked!r}: {why}")
            raise ProviderError(wanted.ref.provider, f"not recorded: {why}", retryable=False)
        return entries.pop(0) if len(entries) > 1 else entries[0]

    def _why(self, wanted: Wanted, request: Request) -> str:
        mine = [e for e in self._entries if (e.agent, e.purpose) == (wanted.agent, wanted.purpose)]
        if not mine:
            return f"nothing of agent {wanted.agent or '-'} ({wanted.purpose}) is on it"
        if all(entry.prompt != request.prompt for entry in mine):
            return "the prompt has changed since it was recorded"
        if all(entry.tools != request.tools for entry in mine):
            return "the tools have changed since it was recorded"
        return "the talk went another way than when it was recorded"


class CassetteMind:
    """A Brain that answers from a cassette."""

    def __init__(self, cassette: Cassette, wanted: Wanted) -> None:
        self._cassette = cassette
        self._wanted = wanted

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return Expectation(phrases_of(self._wanted.spec))

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall]:
        """See `Brain`. Raises ProviderError."""
        request = Request.of(self._wanted, conversation, tools)
        entry = self._cassette.take(self._wanted, request)
        await asyncio.sleep(entry.takes)
        if entry.says:
            yield Say(entry.says)
        for call in entry.calls:
            yield ToolCall(call.id, call.name, dict(call.arguments))
        if entry.fails:
            raise ProviderError(self._wanted.ref.provider, entry.fails, retryable=False)


@dataclass(slots=True)
class Recorder:
    """`Minds` over others, whose answers it keeps; not for minds with a voice of their own."""

    minds: Minds
    entries: list[Entry] = field(default_factory=list)

    def __call__(self, wanted: Wanted) -> Brain | None:
        """See `Minds`."""
        if wanted.embedded:
            return None
        mind = self.minds(wanted)
        return None if mind is None else RecordedMind(mind, wanted, self.entries)


class RecordedMind:
    """A Brain over another one. An answer that the caller cut short is kept as far as it came."""

    def __init__(self, mind: Brain, wanted: Wanted, entries: list[Entry]) -> None:
        self._mind = mind
        self._wanted = wanted
        self._entries = entries

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self._mind.expects(conversation)

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | Spoken | ToolCall | Used]:
        """See `Brain`. Raises ProviderError."""
        request = Request.of(self._wanted, conversation, tools)
        loop = asyncio.get_running_loop()
        began, first = loop.time(), 0.0
        says, calls, fails = "", list[Call](), ""
        try:
            async with closing(self._mind.reply(conversation, tools)) as parts:
                async for part in parts:
                    first = first or loop.time() - began
                    if isinstance(part, Say):
                        says += part.text
                    elif isinstance(part, ToolCall):
                        arguments = dict(part.arguments)
                        calls.append(Call(id=part.id, name=part.name, arguments=arguments))
                    yield part
        except ProviderError as error:
            fails = error.cause
            raise
        finally:
            self._entries.append(
                Entry(
                    key=request.key(self._wanted),
                    agent=self._wanted.agent,
                    purpose=self._wanted.purpose,
                    asked=request.asked,
                    prompt=request.prompt,
                    tools=request.tools,
                    messages=request.messages,
                    says=says,
                    calls=tuple(calls),
                    fails=fails,
                    takes=round(first, 3),
                )
            )


def write_tapes(recorded: Mapping[Path, Sequence[Entry]]) -> None:
    """Write what was recorded; what else was on a cassette stays, unless it was asked anew.

    Raises OSError, ConfigError where a file is there that is no cassette.
    """
    for path, entries in recorded.items():
        anew = {entry.key for entry in entries}
        kept = [e for e in read_tape(path).entries if e.key not in anew] if path.exists() else []
        tape = Tape(entries=(*kept, *entries))
        path.write_text(
            tape.model_dump_json(indent=2, exclude_defaults=True) + "\n", encoding="utf-8"
        )
