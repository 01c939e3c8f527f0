"""Aura: Deepgram's mouth, `/v1/speak` over a WebSocket.

https://developers.deepgram.com/reference/text-to-speech/speak-streaming
"""

from collections.abc import Sequence

import structlog
from pydantic import Field

from sipagent.agent.protocols import Synthesizer, Tongue

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, MouthOptions, quoted
from .deepgram import BASE, VARIABLE
from .deepgram_nova import authorization, failed
from .streamed_mouth import Sound, StreamedMouth
from .telling import text
from .web_socket import Endpoint, Message, Out

#: characters of one Speak message
_LONGEST = 2_000
_log = structlog.get_logger()


class AuraOptions(MouthOptions):
    """Keys of Aura, by Deepgram's own names. A voice is a model."""

    model: str = Field(default="aura-2-thalia-en", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    speed: float | None = Field(default=None, ge=0.5, le=2.0)
    mip_opt_out: bool | None = Field(default=None, description="not to be used for training")


class Aura:
    """A `MouthDialect`: no contexts, so one sentence after the other."""

    at_once = 1

    def __init__(self, account: Account, options: AuraOptions, rate: int) -> None:
        self._account = account
        self._options = options
        self._rate = rate
        self.mu_law = rate == 8000

    def endpoint(self, tongue: Tongue) -> Endpoint:
        """See `MouthDialect`. The language is the voice's."""
        query = {
            "model": tongue.voice or self._options.model,
            "encoding": "mulaw" if self.mu_law else "linear16",
            "sample_rate": self._rate,
            **self._options.model_dump(include={"speed", "mip_opt_out"}),
        }
        return Endpoint(
            self._account,
            self._account.url("/v1/speak", query),
            authorization(self._account),
            self._options.connect_seconds,
            farewell=text(type="Close"),
        )

    def sentence(self, words: str, tongue: Tongue) -> "AuraSentence":
        """See `MouthDialect`."""
        return AuraSentence(self._account, words)


class AuraSentence:
    """A `SpokenSentence`: Speak and Flush, sound until Flushed; Clear, nothing after Cleared."""

    def __init__(self, account: Account, words: str) -> None:
        self._account = account
        self._words = words
        self._cancelled = False

    def begin(self) -> Sequence[Out]:
        """See `SpokenSentence`."""
        parts = [self._words[at : at + _LONGEST] for at in range(0, len(self._words), _LONGEST)]
        return [*(text(type="Speak", text=part) for part in parts), text(type="Flush")]

    def hear(self, message: Message) -> Sound | None:
        """See `SpokenSentence`."""
        match message:
            case bytes():
                return Sound(message)
            case {"type": "Flushed"}:
                return None if self._cancelled else Sound(last=True)
            case {"type": "Cleared"}:
                return Sound(last=True) if self._cancelled else None
            case {"type": "Warning", "description": str(said)}:
                self._warned(said)
                return None
            case {"type": "Error"}:
                raise failed(message, self._account)
            case _:
                return None

    def cancel(self) -> Sequence[Out]:
        """See `SpokenSentence`."""
        self._cancelled = True
        return [text(type="Clear")]

    def _warned(self, said: str) -> None:
        """Flush is taken 20 times a minute; of one more there is a warning, and no sound."""
        if "flush" in said.lower():
            raise self._account.refusal(429, said)
        _log.warning("provider_warned", provider=self._account.provider, cause=quoted(said))


def mouth(kit: Kit, name: str, raw: Options) -> Synthesizer:
    """A mouth of kind `deepgram`. Raises ProviderError."""
    options = checked(AuraOptions, name, raw)
    account = Account.of(name, options, BASE, VARIABLE)
    return StreamedMouth(Aura(account, options, kit.rate), options, rate=kit.rate)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
