"""SpeechModel: one session with a model that hears and speaks by itself. Vendors live elsewhere.

Names are ours: a `sound` is an utterance of the caller, an `answer` one reply of the model.
Commands are queued in order and never wait; what becomes of them is told by `events`.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sipagent.errors import ProviderError

from ..protocols import ToolCall, Used


@dataclass(frozen=True, slots=True)
class Traits:
    """What a model can do, and how it is named on record.

    `truncates`: it can be told how much of an answer was played. `says`: it speaks a given text
    beside the conversation. `early`: it may hear a sound that is never answered, and puts it into
    words; if not, it is given a sound only to answer it. `rigid`: prompt and tools stand for the
    whole session.
    """

    provider: str
    truncates: bool
    says: bool
    early: bool
    rigid: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the model sees it; `parameters` is a JSON schema (object)."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session is opened with, and where it is not `rigid` can be given anew."""

    prompt: str
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """More of an answer's sound: s16le at the call's rate."""

    answer: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Words:
    """More of what is said in an answer's sound."""

    answer: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The model asks for a tool in an answer."""

    answer: str
    call: ToolCall


@dataclass(frozen=True, slots=True)
class Done:
    """An answer is over; `failure` says why it is not whole, where that is so."""

    answer: str
    failure: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the caller said in a sound; `failure` says why that will not be known."""

    sound: str
    text: str = ""
    failure: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """The server will end the session soon: open another at the next opportunity."""


ModelEvent = Voice | Words | Asked | Done | Heard | Used | Leaving
#: whose words a text is
Whose = Literal["system", "caller", "agent"]


class SpeechModel(Protocol):
    """One session; opened once, and after `events` has raised of no more use."""

    @property
    def traits(self) -> Traits:
        """What it can do."""
        ...

    async def open(self, setup: Setup) -> None:
        """Connect, and wait until the server has taken the setup. Raises ProviderError."""
        ...

    def change(self, setup: Setup) -> None:
        """Another prompt or other tools from now on, where it is not `rigid`."""
        ...

    def hear(self, pcm: bytes) -> None:
        """More of what the caller says: s16le at the call's rate."""
        ...

    def commit(self, sound: str) -> None:
        """What was heard since the last `commit` or `forget` is this utterance."""
        ...

    def forget(self) -> None:
        """What was heard since the last `commit` is nothing."""
        ...

    def drop(self, sound: str) -> None:
        """An utterance does not belong to the conversation."""
        ...

    def write(self, whose: Whose, text: str) -> None:
        """A message of the conversation, as text; it is not answered by itself."""
        ...

    def result(self, call: ToolCall, text: str) -> None:
        """What a tool that was asked for in this session returned."""
        ...

    def respond(self, answer: str) -> None:
        """Answer what the conversation has come to."""
        ...

    def say(self, answer: str, text: str) -> None:
        """Speak this text, beside the conversation. Only where it `says`."""
        ...

    def cancel(self, answer: str) -> None:
        """Make no more of it."""
        ...

    def cut(self, answer: str, played_ms: int) -> None:
        """The caller heard only so much of it. Only where it `truncates`."""
        ...

    def events(self) -> AsyncIterator[ModelEvent]:
        """What happens, until the session is lost. Raises ProviderError."""
        ...

    async def aclose(self) -> None:
        """Close it. Idempotent."""
        ...
