"""What the agent needs of the world: ears, mind and mouth. Vendors live elsewhere."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from sipagent.media.frames import Frame
from sipagent.tools.spec import ToolSpec

from .conversation import Conversation


@dataclass(frozen=True, slots=True)
class Transcript:
    """Recognised words. A partial may change; `final` ends the utterance. `confidence` is 0..1.

    `complete` on a partial says that it is a whole declared phrase or sentence: the turn may
    end sooner.
    """

    text: str
    final: bool
    confidence: float | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the caller may sensibly say now: hints for hosted ears, the grammar of embedded ones.

    `patient` asks for a longer end of turn (numbers, addresses, spelled names). `keys` are the
    entries on the keypad that mean something: one that cannot go on ends its turn at once.
    """

    phrases: tuple[str, ...] = ()
    patient: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Words to be spoken; may be part of a sentence while a model streams."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The mind asks for a tool. `arguments` are as the model gave them, not yet checked.

    A ToolCall whose arguments could not be parsed carries the raw text under `_malformed`.
    """

    id: str
    name: str
    arguments: dict[str, Any]


@runtime_checkable
class Connected(Protocol):
    """Ears, a mind or a mouth that holds connections of its own for the length of a talk."""

    async def warm(self) -> None:
        """Open them before they are needed. Never raises: the first use will tell."""
        ...

    async def aclose(self) -> None:
        """Close them; the talk is over."""
        ...


class Transcriber(Protocol):
    """Ears."""

    def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """Hear one utterance: audio ends at the end of the turn, then the final must come.

        Raises ProviderError. Closing the iterator early must be cheap.
        """
        ...


class Brain(Protocol):
    """Mind."""

    def expects(self, conversation: Conversation) -> Expectation:
        """What may be said next, as far as the mind knows."""
        ...

    def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall]:
        """Answer the newest caller or tool message. Cancelling the iteration stops the model.

        Raises ProviderError.
        """
        ...


class Synthesizer(Protocol):
    """Mouth."""

    def synthesize(self, text: str) -> AsyncIterator[bytes]:
        """PCM of one sentence at the rate the mouth was built for, in chunks of any length.

        Raises ProviderError.
        """
        ...
