"""Scribe: ElevenLabs' ears, realtime transcription whose segments we commit.

https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
"""

from base64 import b64encode
from collections.abc import Sequence

from pydantic import Field

from sipagent.agent.protocols import Expectation, Transcriber, Transcript

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, EarsOptions
from .elevenlabs import BASE, VARIABLE, authorization, failed
from .hints import fitting
from .sound import outgoing, silence
from .streamed_ears import StreamedEars
from .telling import Told, text, told
from .web_socket import Endpoint, Message, Out

#: audio since the last commit that a commit needs, in ms, and a little more
_LEAST_MS = 320


class ScribeOptions(EarsOptions):
    """Keys of the ears, by ElevenLabs' own names."""

    model_id: str = "scribe_v2_realtime"
    language_code: str | None = Field(default=None, description="ISO 639-1 or 639-3")
    keyterms: tuple[str, ...] = Field(default=(), description="at most 50, of 20 characters")
    no_verbatim: bool | None = Field(default=None, description="leave out um and false starts")
    filter_background_audio: bool | None = None
    enable_logging: bool | None = Field(default=None, description="false: zero retention")


class Scribe:
    """An `EarsDialect`. What it leans to is told when the connection is opened, and is the
    agent's own; a little silence keeps the connection.
    """

    chunk_ms = 100

    def __init__(self, account: Account, options: ScribeOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._kit = kit

    def endpoint(self, language: str) -> Endpoint:
        """See `EarsDialect`. Another language is another connection."""
        options, rate = self._options, self._kit.rate
        code = language or options.language_code or self._kit.language
        hints = (*options.keyterms, *self._kit.hints())
        query = {
            **options.model_dump(
                include={"model_id", "no_verbatim", "filter_background_audio", "enable_logging"}
            ),
            "audio_format": "ulaw_8000" if rate == 8000 else f"pcm_{rate}",
            "commit_strategy": "manual",
            "language_code": code.split("-")[0].lower() if code else None,
            "keyterms": fitting(hints, most=50, longest=20),
        }
        return Endpoint(
            self._account,
            self._account.url("/v1/speech-to-text/realtime", query),
            authorization(self._account),
            options.connect_seconds,
            keep_alive=_chunk(silence(20, rate), rate),
        )

    def hints(self, expected: Expectation) -> tuple[object, Sequence[Out]]:
        """See `EarsDialect`."""
        return None, []

    def utterance(self, expected: Expectation) -> "ScribeUtterance":
        """See `EarsDialect`."""
        return ScribeUtterance(self._account, self._kit.rate)


class ScribeUtterance:
    """A `HeardUtterance`: the segments that were committed, ours last, and what is guessed."""

    def __init__(self, account: Account, rate: int) -> None:
        self._account = account
        self._rate = rate
        self._committed: list[str] = []
        self._guess = ""
        self._ms = 0
        self._told = self._over = False

    #: a commit is answered always
    settled = False

    def audio(self, pcm: bytes) -> Out:
        """See `HeardUtterance`."""
        self._ms += len(pcm) * 500 // self._rate
        return _chunk(outgoing(pcm, self._rate), self._rate)

    def end(self) -> Sequence[Out]:
        """See `HeardUtterance`. With less than a commit takes, the server would keep what it has
        for the next segment; silence makes it enough.
        """
        self._over = True
        missing = max(0, _LEAST_MS - self._ms)
        return [_chunk(silence(missing, self._rate), self._rate, commit=True)]

    def wait(self, longest: float) -> float:
        """See `HeardUtterance`."""
        return longest

    def hear(self, message: Message) -> Transcript | None:
        """See `HeardUtterance`."""
        match message:
            case {"message_type": "partial_transcript"}:
                return self._partial(told(_Text, message, self._account).text)
            case {"message_type": "committed_transcript"}:
                return self._commit(told(_Text, message, self._account).text)
            case {"message_type": "commit_throttled"}:
                # the server has just committed by itself: there is nothing to be heard in it
                return self._whole() if self._over else None
            case bytes():
                raise self._account.malformed("binary")
            case {"error": _}:
                raise failed(message, self._account)
            case _:
                return None

    def so_far(self) -> Transcript | None:
        """See `HeardUtterance`."""
        return self._whole() if self._told else None

    def _partial(self, words: str) -> Transcript | None:
        self._told = True
        if self._over or not words or words == self._guess:
            return None
        self._guess = words
        return Transcript(self._words(), final=False)

    def _commit(self, words: str) -> Transcript | None:
        """Ours is the last; after a long time without one the server commits by itself."""
        self._told = True
        self._committed.append(words)
        self._guess = ""
        self._ms = 0
        return self._whole() if self._over else None

    def _words(self) -> str:
        return " ".join(filter(None, [*self._committed, self._guess])).strip()

    def _whole(self) -> Transcript:
        return Transcript(self._words(), final=True)


class _Text(Told):
    text: str


def _chunk(sound: bytes, rate: int, *, commit: bool = False) -> str:
    encoded = b64encode(sound).decode()
    return text(
        message_type="input_audio_chunk", audio_base_64=encoded, commit=commit, sample_rate=rate
    )


def ears(kit: Kit, name: str, raw: Options) -> Transcriber:
    """Ears of kind `elevenlabs`. Raises ProviderError."""
    options = checked(ScribeOptions, name, raw)
    account = Account.of(name, options, BASE, VARIABLE)
    return StreamedEars(Scribe(account, options, kit), options.final_seconds)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
