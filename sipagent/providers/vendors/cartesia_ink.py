"""Ink: Cartesia's ears, `/stt/websocket`, where we say when an utterance is over.

https://docs.cartesia.ai/api-reference/stt/websocket
"""

from collections.abc import Sequence

from pydantic import Field

from sipagent.agent.protocols import Expectation, Transcriber, Transcript

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, EarsOptions
from .cartesia import BASE, VARIABLE, authorization, failed
from .hints import fitting
from .sound import outgoing
from .streamed_ears import StreamedEars
from .telling import Told, told
from .web_socket import Endpoint, Message, Out


class InkOptions(EarsOptions):
    """Keys of the ears, by Cartesia's own names."""

    model: str = "ink-whisper"
    language: str | None = Field(default=None, description="ISO 639-1")
    keyterm: tuple[str, ...] = Field(default=(), description="words to lean to (ink-2)")
    min_volume: float | None = Field(default=None, ge=0, le=1, description="ink-whisper")
    max_silence_duration_secs: float | None = Field(default=None, ge=0, description="ink-whisper")


class Ink:
    """An `EarsDialect`. What it leans to is told when the connection is opened, and is the
    agent's own. An idle connection is closed after some minutes; the next utterance opens another.
    """

    chunk_ms = 100

    def __init__(self, account: Account, options: InkOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._kit = kit

    def endpoint(self, language: str) -> Endpoint:
        """See `EarsDialect`. Another language is another connection."""
        options, rate = self._options, self._kit.rate
        code = language or options.language or self._kit.language
        hints = (*options.keyterm, *self._kit.hints())
        newer = options.model != "ink-whisper"
        query = {
            **options.model_dump(include={"model", "min_volume", "max_silence_duration_secs"}),
            "language": code.split("-")[0].lower() if code else None,
            "keyterm": fitting(hints, most=100, characters=1_200) if newer else (),
            "encoding": "pcm_mulaw" if rate == 8000 else "pcm_s16le",
            "sample_rate": rate,
        }
        return Endpoint(
            self._account,
            self._account.url("/stt/websocket", query),
            authorization(self._account),
            options.connect_seconds,
            farewell="close",
        )

    def hints(self, expected: Expectation) -> tuple[object, Sequence[Out]]:
        """See `EarsDialect`."""
        return None, []

    def utterance(self, expected: Expectation) -> "InkUtterance":
        """See `EarsDialect`."""
        return InkUtterance(self._account, self._kit.rate)


class InkUtterance:
    """A `HeardUtterance`: what is final is added up as it came, spaces and all."""

    def __init__(self, account: Account, rate: int) -> None:
        self._account = account
        self._rate = rate
        self._final = self._guess = ""
        self._told = self._over = False

    #: finalize is answered always
    settled = False

    def audio(self, pcm: bytes) -> Out:
        """See `HeardUtterance`."""
        return outgoing(pcm, self._rate)

    def end(self) -> Sequence[Out]:
        """See `HeardUtterance`."""
        self._over = True
        return ["finalize"]

    def wait(self, longest: float) -> float:
        """See `HeardUtterance`."""
        return longest

    def hear(self, message: Message) -> Transcript | None:
        """See `HeardUtterance`."""
        match message:
            case {"type": "transcript"}:
                return self._transcript(told(_Transcript, message, self._account))
            case {"type": "flush_done"} if self._over:
                return self._whole()
            case {"type": "error"}:
                raise failed(message, self._account)
            case bytes():
                raise self._account.malformed("binary")
            case _:
                return None

    def so_far(self) -> Transcript | None:
        """See `HeardUtterance`."""
        return self._whole() if self._told else None

    def _transcript(self, heard: "_Transcript") -> Transcript | None:
        self._told = True
        before = self._final + self._guess
        if heard.is_final:
            self._final, self._guess = self._final + heard.text, ""
        else:
            self._guess = heard.text
        words = self._final + self._guess
        if self._over or not words.strip() or words == before:
            return None
        return Transcript(words.strip(), final=False)

    def _whole(self) -> Transcript:
        return Transcript((self._final + self._guess).strip(), final=True)


class _Transcript(Told):
    text: str
    is_final: bool = False


def ears(kit: Kit, name: str, raw: Options) -> Transcriber:
    """Ears of kind `cartesia`. Raises ProviderError."""
    options = checked(InkOptions, name, raw)
    account = Account.of(name, options, BASE, VARIABLE)
    return StreamedEars(Ink(account, options, kit), options.final_seconds)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
