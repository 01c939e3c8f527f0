"""What a call needs of the rest of the house, as protocols; the worker supplies the real ones."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sipagent.media.port import AudioPort

from .leg import Dialer
from .target import normalise

if TYPE_CHECKING:
    from .control import CallControl


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
    """Everything that can be played: `say:`, `ring:`, `silence:`, files and http(s) URLs."""

    def load(
        self, url: str, *, rate: int, voice: str | None = None, volume: float = 0.0
    ) -> AsyncIterator[bytes]:
        """PCM at `rate` Hz in chunks of any length; `volume` in dB. Raises CallError."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What one spoken answer was; `confidence` is 0..1 where the ears give one."""

    text: str
    confidence: float | None = None


class Hearing(Protocol):
    """Ears for a single answer, outside a conversation (`prompt`, `connect` with confirm)."""

    async def hear(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str],
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None = None,
    ) -> Heard | None:
        """One utterance, or None when nobody spoke within `initial_timeout` seconds.

        Embedded ears know only `phrases`. `on_speech` is called at speech onset.
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


@dataclass(frozen=True, slots=True)
class TalkEnd:
    """Why a talk is over: a tool ended it ("done"), the caller kept silent or was not understood
    ("silent"), ears, mind or mouth failed for good ("failed"), or the caller left or the port was
    closed ("gone"). `section` is where the plan goes on, when not at the next step.
    """

    reason: Literal["done", "silent", "failed", "gone"]
    section: str | None = None


class Talker(Protocol):
    """Whoever holds the caller's attention: a voice agent, or a realtime model."""

    async def run(self, port: AudioPort, control: "CallControl") -> TalkEnd | None:
        """Talk until the conversation is over, the call ends, or the port is closed.

        None is a plain end. Cancelling it must leave nothing running.
        """
        ...


class Talkers(Protocol):
    """Makes the talker of an `ai` step."""

    def open(self, agent: str | Mapping[str, Any], call_id: str) -> tuple[Talker, frozenset[str]]:
        """A talker by its name in the plan or by an inline SWML `ai` object, and the verbs its
        model may use. Raises PlanError.
        """
        ...


class Texts(Protocol):
    """Sends text messages."""

    async def send(self, target: str, text: str, *, sender: str | None = None) -> int:
        """Send `text` to a normalised target; the final status, 200 or 202.

        `sender` is the number or URI shown, where permitted. Raises CallError with the status.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The house, as one call sees it."""

    dialer: Dialer
    texts: Texts
    expressions: Expressions
    sounds: Sounds
    hearing: Hearing
    talkers: Talkers
    now: Callable[[], datetime]
    bundle: Path
    #: numbers that are phones of our own; the dialer finds them
    extensions: frozenset[str] = frozenset()
    places: Places = field(default_factory=PlainPlaces)
