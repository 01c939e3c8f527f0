"""Cartesia's mouth: Sonic over a WebSocket, a context a sentence.

https://docs.cartesia.ai/api-reference/tts/websocket
"""

from collections.abc import Sequence
from itertools import count
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import Synthesizer, Tongue
from sipagent.errors import ProviderError

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, MouthOptions
from .streamed_mouth import Sound, StreamedMouth
from .telling import Told, audio, text, told
from .web_socket import Endpoint, Message, Out

BASE, VARIABLE = "wss://api.cartesia.ai", "CARTESIA_API_KEY"
#: the version of the API whose messages are spoken here
_VERSION = "2026-03-01"


class GenerationConfig(BaseModel):
    """`generation_config` of Sonic 3, by Cartesia's own names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    speed: float | None = Field(default=None, ge=0.6, le=1.5)
    volume: float | None = Field(default=None, ge=0.5, le=2.0)
    emotion: str | None = None


class CartesiaOptions(MouthOptions):
    """Keys of the mouth, by Cartesia's own names."""

    voice_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    model_id: str = "sonic-3"
    language: str | None = Field(default=None, description="ISO 639-1")
    generation_config: GenerationConfig = GenerationConfig()
    pronunciation_dict_id: str | None = None


class Cartesia:
    """A `MouthDialect`: voice and language are told with every sentence."""

    #: sentences of one agent never are more; a context counts against the account's quota
    at_once = 4

    def __init__(self, account: Account, options: CartesiaOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._rate = kit.rate
        self._language = kit.language
        self.mu_law = kit.rate == 8000
        self._contexts = count(1)

    def endpoint(self, tongue: Tongue) -> Endpoint:
        """See `MouthDialect`."""
        return Endpoint(
            self._account,
            self._account.url("/tts/websocket", {}),
            authorization(self._account),
            self._options.connect_seconds,
        )

    def sentence(self, words: str, tongue: Tongue) -> "CartesiaSentence":
        """See `MouthDialect`."""
        options = self._options
        language = tongue.language or options.language or self._language
        request = {
            "context_id": f"s{next(self._contexts)}",
            "model_id": options.model_id,
            "transcript": words,
            "voice": {"mode": "id", "id": tongue.voice or options.voice_id},
            "language": language.split("-")[0].lower() or None,
            "output_format": {
                "container": "raw",
                "encoding": "pcm_mulaw" if self.mu_law else "pcm_s16le",
                "sample_rate": self._rate,
            },
            "generation_config": options.generation_config.model_dump(exclude_none=True) or None,
            "pronunciation_dict_id": options.pronunciation_dict_id,
            "continue": False,
        }
        return CartesiaSentence(self._account, request)


class CartesiaSentence:
    """A `SpokenSentence`: chunks of its context until done."""

    def __init__(self, account: Account, request: dict[str, Any]) -> None:
        self._account = account
        self._request = request

    def begin(self) -> Sequence[Out]:
        """See `SpokenSentence`."""
        return [text(**self._request)]

    def hear(self, message: Message) -> Sound | None:
        """See `SpokenSentence`."""
        if isinstance(message, bytes):
            raise self._account.malformed("binary")
        context = message.get("context_id")
        if message.get("type") == "error" and context in (None, self._request["context_id"]):
            raise failed(message, self._account)
        if context != self._request["context_id"]:
            return None
        match message.get("type"):
            case "chunk":
                return Sound(audio(message.get("data") or "", self._account))
            case "done":
                return Sound(last=True)
            case _:
                return None

    def cancel(self) -> Sequence[Out]:
        """See `SpokenSentence`."""
        return [text(context_id=self._request["context_id"], cancel=True)]


class _Error(Told):
    title: str = ""
    message: str = ""
    error: str = ""
    status_code: int = 500


def authorization(account: Account) -> dict[str, str]:
    """Cartesia's headers; no key where a gateway wants none."""
    key = {"Authorization": f"Bearer {account.key}"} if account.key else {}
    return {"Cartesia-Version": _VERSION, **key}


def failed(message: Message, account: Account) -> ProviderError:
    """What Cartesia's own `error` message says."""
    error = told(_Error, message, account)
    said = " ".join(filter(None, (error.title, error.message, error.error)))
    return account.refusal(error.status_code, said)


def mouth(kit: Kit, name: str, raw: Options) -> Synthesizer:
    """A mouth of kind `cartesia`. Raises ProviderError."""
    options = checked(CartesiaOptions, name, raw)
    account = Account.of(name, options, BASE, VARIABLE)
    return StreamedMouth(Cartesia(account, options, kit), options, rate=kit.rate)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
