"""What a call needs of the rest of the house, as protocols; the worker supplies the real ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sipagent.errors import CallError
from sipagent.media.port import AudioPort
from sipagent.media.recording import OpenWriter

from .dial import Dialer
from .documents import Documents, NoDocuments
from .live_agent import Exit
from .meeting import Meet, Notice, Seated, Wish
from .model_log import ModelLog, NoModelLog
from .models import Models, NoModels
from .others import NoOtherCalls, OtherCalls
from .privacy import NOTHING, Privacy
from .sidecars import NoSidecars, Sidecars
from .tap_wires import TapWires
from .target import normalise
from .web import NoWeb, Web

if TYPE_CHECKING:
    from .control import CallControl
    from .session import CallSession


class Expressions(Protocol):
    """`${...}` and `%{...}` templates and JavaScript conditions, over the call's variables."""

    def expand(self, value: Any, scope: Mapping[str, Any]) -> Any:
        """Fill templates anywhere in `value`; a lone template keeps its type. An unset plain
        path becomes the empty string. Raises PlanError.
        """
        ...

    def evaluate(self, expression: str, scope: Mapping[str, Any]) -> Any:
        """The value of a JavaScript expression, bounded in time and memory. Raises PlanError."""
        ...


class Sounds(Protocol):
    """What can be played: `say:`, `ring:`, `silence:`, `tone:`, `music:`, files, http(s) URLs."""

    def load(
        self,
        url: str,
        *,
        rate: int,
        voice: str | None = None,
        volume: float = 0.0,
        language: str = "",
        gender: str = "",
    ) -> AsyncIterator[bytes]:
        """PCM at `rate` Hz in chunks of any length; `volume` in dB. Of `say:`, a `voice` that is
        not known here gives way to one of the language (BCP 47) and gender. Raises CallError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What one spoken answer was; `confidence` is 0..1 where the ears give one."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Overheard:
    """One utterance of somebody who was listened to; `began` and `ended` on the media clock, ms."""

    text: str
    confidence: float | None = None
    began: int = 0
    ended: int = 0


class Hearing(Protocol):
    """Ears outside a conversation: for one answer (`prompt`, `connect` with confirm), or for all
    that somebody says (`live_transcribe`).
    """

    async def hear(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str],
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None = None,
        language: str = "",
        engine: str = "",
    ) -> Heard | None:
        """One utterance, or None when nobody spoke within `initial_timeout` seconds.

        Embedded ears know only `phrases`. `on_speech` is called at speech onset. `language` is a
        BCP 47 tag, `engine` the name or kind of ears that sipagent.yaml configures.
        """
        ...

    def listen(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str] = (),
        end_timeout: float = 0.8,
        language: str = "",
        engine: str = "",
    ) -> AsyncIterator[Overheard]:
        """Every utterance on the port until it is closed. `engine` as in `hear`; empty: ears of
        this house that hear any words. Raises ProviderError: at once where there are none, later
        where they fail.
        """
        ...


class Places(Protocol):
    """Destinations as they stand in a Refer-To."""

    def written(self, target: str) -> str:
        """A SIP URI by which the caller's own side can call `target`. Raises BadTarget."""
        ...

    def read(self, uri: str) -> str:
        """What a far end means by a URI, as policy knows it: one at our own address is a phone of
        ours, or a number. Raises BadTarget.
        """
        ...

    def is_ours(self, uri: str) -> bool:
        """True for the Contact of a conversation of this server."""
        ...


class PlainPlaces:
    """`Places` of a server without phones, trunks or an address: every URI is what it says."""

    def written(self, target: str) -> str:
        """See `Places`."""
        return normalise(target)

    def read(self, uri: str) -> str:
        """See `Places`."""
        return normalise(uri)

    def is_ours(self, uri: str) -> bool:
        """See `Places`."""
        return False


class SpeechDetector(Protocol):
    """Voice activity, one instance for each stream; frames at the bridge's rate."""

    def probability(self, pcm: bytes) -> float:
        """Speech probability 0..1 after this 20 ms frame."""
        ...


@dataclass(frozen=True, slots=True)
class TalkEnd:
    """Why a talk is over: a tool ended it ("done"), the caller kept silent or was not understood
    ("silent"), ears, mind or mouth failed for good ("failed"), the caller left or the port was
    closed ("gone"), a limit of the call was reached ("limit"), or another agent goes on
    ("handed_over": `successor`). `section` is where the plan goes on, when not at the next step;
    `exit` is what is run in the place of the rest of it.
    """

    reason: Literal["done", "silent", "failed", "gone", "limit", "handed_over"]
    section: str | None = None
    successor: "Successor | None" = None
    exit: Exit | None = None


class Talker(Protocol):
    """Whoever holds the caller's attention: a voice agent, or a realtime model."""

    async def run(self, port: AudioPort, control: "CallControl") -> TalkEnd | None:
        """Talk until the conversation is over, the call ends, or the port is closed.

        None is a plain end. Cancelling it must leave nothing running.
        """
        ...


Debt = Callable[["CallSession", Sequence[str]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Baton:
    """What an agent that leaves gives to the next one: its name, what the caller wants, and the
    talk so far as lines of text. `debt` is the summary that an earlier agent owes of the whole
    talk: it is given the lines once that is over.
    """

    giver: str
    summary: str
    lines: tuple[str, ...] = ()
    debt: "Debt | None" = None


@dataclass(frozen=True, slots=True)
class Successor:
    """The agent that takes over, ready to run, and the verbs its model may use."""

    agent: str
    talker: Talker
    verbs: frozenset[str]
    baton: Baton


class Talkers(Protocol):
    """Makes the talkers of an `ai` step."""

    def open(
        self, agent: str | Mapping[str, Any], call_id: str, baton: Baton | None = None
    ) -> tuple[Talker, frozenset[str]]:
        """A talker by its name in the plan or by an inline SWML `ai` object, and the verbs its
        model may use. `baton` comes from the agent that it takes over from. Raises PlanError.
        """
        ...


class Texts(Protocol):
    """Sends text messages."""

    async def send(self, target: str, text: str, *, sender: str | None = None) -> int:
        """Send `text` to a normalised target; the final status, 200 or 202.

        `sender` is the number or URI shown, where permitted. Raises CallError with the status.
        """
        ...


class Memory(Protocol):
    """What agents of this plan keep of the caller of this call, from one call to the next."""

    async def recall(self, agent: str) -> str:
        """What is known; may be nothing. Answers within a second."""
        ...

    def keep(self, agent: str, note: str, *, days: float, most: int) -> None:
        """Keep a note for so many days, with the newest others, `most` characters in all."""
        ...


class NoMemory:
    """A house that remembers nobody."""

    async def recall(self, agent: str) -> str:
        """See `Memory`."""
        return ""

    def keep(self, agent: str, note: str, *, days: float, most: int) -> None:
        """See `Memory`."""


class Place(Protocol):
    """What a call holds in the house: a seat, a slot, a place in a queue."""

    async def notice(self) -> Notice:
        """The next thing that happens to it; after Over there is nothing."""
        ...

    def report(self, answered: str | None) -> None:
        """How a Ring came out: the member who answered, or None."""
        ...

    def leave(self) -> None:
        """Give it back. Idempotent."""
        ...


class Link(Protocol):
    """A port's way into a room of the mixer."""

    @property
    def lost(self) -> "asyncio.Future[str]":
        """Why the room cannot be reached any more, once that is so."""
        ...

    #: True while what the port hears is not passed on
    muted: bool


class Meetings(Protocol):
    """Where calls meet: conferences, parking slots, queues. One call holds several places."""

    async def take(self, wish: Wish) -> tuple[Place, Seated]:
        """Raises CallError with the reason where the wish is refused."""
        ...

    def link(
        self, port: AudioPort, meet: Meet, on_change: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Link]:
        """Let the port be heard in the room and hear it. `on_change` is told "lost" when the
        mixer died and "remade" when there is one again.
        """
        ...


class NoMeetings:
    """A house without other calls."""

    async def take(self, wish: Wish) -> tuple[Place, Seated]:
        """See `Meetings`. Raises CallError."""
        raise CallError("there are no other calls here")

    def link(
        self, port: AudioPort, meet: Meet, on_change: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Link]:
        """See `Meetings`. Raises CallError."""
        raise CallError("there are no rooms here")


@dataclass(frozen=True, slots=True)
class Services:
    """The house, as one call sees it."""

    dialer: Dialer
    texts: Texts
    expressions: Expressions
    sounds: Sounds
    hearing: Hearing
    talkers: Talkers
    #: a fresh detector for a rate
    detector: Callable[[int], SpeechDetector]
    #: files recordings can be written to, by suffix
    writers: Mapping[str, OpenWriter]
    tap_wires: TapWires
    now: Callable[[], datetime]
    bundle: Path
    #: numbers that are phones of our own; the dialer finds them
    extensions: frozenset[str] = frozenset()
    places: Places = field(default_factory=PlainPlaces)
    meetings: Meetings = field(default_factory=NoMeetings)
    memory: Memory = field(default_factory=NoMemory)
    sidecars: Sidecars = field(default_factory=NoSidecars)
    models: Models = field(default_factory=NoModels)
    others: OtherCalls = field(default_factory=NoOtherCalls)
    web: Web = field(default_factory=NoWeb)
    documents: Documents = field(default_factory=NoDocuments)
    model_log: ModelLog = field(default_factory=NoModelLog)
    privacy: Privacy = NOTHING
