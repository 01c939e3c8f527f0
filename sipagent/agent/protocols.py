"""What the agent needs of the world: ears, mind and mouth. Vendors live elsewhere."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

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


#: what kind of thing the caller is about to say
Awaited = Literal["speech", "yes_no", "number", "address", "email", "spelling"]
#: people pause inside these
_PAUSED_IN = frozenset({"number", "address", "email", "spelling"})


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the caller may sensibly say now: hints for hosted ears, the grammar of embedded ones.

    `keys` are the entries on the keypad that mean something: one that cannot go on ends its turn
    at once. `language` is a BCP 47 tag, empty where the ears' own stands.
    """

    phrases: tuple[str, ...] = ()
    awaits: Awaited = "speech"
    keys: tuple[str, ...] = ()
    language: str = ""

    @property
    def patient(self) -> bool:
        """True where the end of a turn has to be waited for longer."""
        return self.awaits in _PAUSED_IN


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a text is to be spoken: BCP 47 language and the vendor's name of a voice; where one is
    empty the mouth's own stands.
    """

    language: str = ""
    voice: str = ""


#: what the mouth was configured with
OWN_TONGUE = Tongue()


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

    def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """PCM of one sentence at the rate the mouth was built for, in chunks of any length.

        Raises ProviderError.
        """
        ...
