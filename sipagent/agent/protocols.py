"""What the agent needs of the world: ears, mind and mouth. Vendors live elsewhere."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from sipagent.events import Finish
from sipagent.media.frames import Frame
from sipagent.tools.spec import ToolSpec

from .conversation import Conversation


class Sound(Protocol):
    """An utterance that the mind itself has heard, and can answer before its words are known."""

    @property
    def name(self) -> str:
        """What `Message.sounds` know it by."""
        ...

    async def words(self, *, early: bool = False) -> str:
        """Its words, empty where it has none; `early` where it was not given to the mind yet, and
        perhaps never will be. Raises ProviderError where nobody will tell.
        """
        ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """Recognised words. A partial may change; `final` ends the utterance. `confidence` is 0..1;
    a partial of less than 0.5 is a guess, by which nothing is decided.

    `complete` on a partial says that it is a whole declared phrase or sentence: the turn may
    end sooner. A final one with a `sound` has no text yet: the sound will tell.
    """

    text: str
    final: bool
    confidence: float | None = None
    complete: bool = False
    sound: Sound | None = None


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
class Spoken:
    """A mind with a voice of its own speaks: more PCM (s16le at the call's rate), more of the
    words that go with it, or both. `sound` names the whole utterance, as `Message.sounds` do;
    `on_cut` is told how many ms of it were played, where the caller stopped it.
    """

    sound: str
    pcm: bytes = b""
    text: str = ""
    on_cut: Callable[[int], None] = lambda played_ms: None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The mind asks for a tool. `arguments` are as the model gave them, not yet checked.

    A ToolCall whose arguments could not be parsed carries the raw text under `_malformed`.
    """

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens of a reply so far, as the provider counts them: the last one of a reply stands.
    `cached` and `audio_input` are part of `input`, `audio_output` of `output`. `estimated` where
    the provider has not counted yet. Whoever reads the reply adds `first_ms` and `finish`, see
    `ModelUsed`.
    """

    model: str
    input: int = 0
    output: int = 0
    cached: int = 0
    audio_input: int = 0
    audio_output: int = 0
    estimated: bool = False
    first_ms: int | None = None
    finish: Finish = ""


@runtime_checkable
class Connected(Protocol):
    """Ears, a mind or a mouth that holds connections of its own for the length of a talk."""

    async def warm(self) -> None:
        """Open them before they are needed. Never raises: the first use will tell."""
        ...

    async def aclose(self) -> None:
        """Close them; the talk is over."""
        ...


@runtime_checkable
class Briefed(Protocol):
    """A mind whose connection is opened for a prompt and tools."""

    def brief(self, conversation: Conversation, tools: Sequence[ToolSpec]) -> None:
        """How they stand before the first answer; comes before `Connected.warm`."""
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


@runtime_checkable
class Forthright(Protocol):
    """Ears that know of themselves whether they give words before an utterance is over."""

    gives_partials: bool


class Brain(Protocol):
    """Mind."""

    def expects(self, conversation: Conversation) -> Expectation:
        """What may be said next, as far as the mind knows."""
        ...

    def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | Spoken | ToolCall | Used]:
        """Answer the newest caller or tool message. Cancelling the iteration stops the model.
        Within one answer a mind either leaves the speaking to the mouth or does it itself.

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
