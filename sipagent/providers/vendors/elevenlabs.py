"""ElevenLabs' mouth: speech over a WebSocket of several contexts, one a sentence.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

from collections.abc import Sequence
from itertools import count
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import Synthesizer, Tongue
from sipagent.errors import ProviderError

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, MouthOptions, quoted
from .streamed_mouth import Sound, StreamedMouth
from .telling import audio, text
from .web_socket import Endpoint, Message, Out

BASE, VARIABLE = "wss://api.elevenlabs.io", "ELEVENLABS_API_KEY"
#: seconds without a word of ours after which the server closes; the longest it takes
_INACTIVITY = 180


class VoiceSettings(BaseModel):
    """`voice_settings`, by ElevenLabs' own names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stability: float | None = Field(default=None, ge=0, le=1)
    similarity_boost: float | None = Field(default=None, ge=0, le=1)
    style: float | None = Field(default=None, ge=0, le=1)
    use_speaker_boost: bool | None = None
    speed: float | None = Field(default=None, ge=0.7, le=1.2)


class ElevenLabsOptions(MouthOptions):
    """Keys of the mouth, by ElevenLabs' own names."""

    voice_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    model_id: str = "eleven_flash_v2_5"
    language_code: str | None = Field(default=None, description="ISO 639-1")
    voice_settings: VoiceSettings = VoiceSettings()
    auto_mode: bool = Field(default=True, description="no waiting for more text")
    apply_text_normalization: Literal["auto", "on", "off"] | None = None
    enable_logging: bool | None = Field(default=None, description="false: zero retention")
    seed: int | None = Field(default=None, ge=0, le=4_294_967_295)


class ElevenLabs:
    """A `MouthDialect`."""

    #: five contexts may be open on a connection; one place is kept free for what lingers
    at_once = 4

    def __init__(self, account: Account, options: ElevenLabsOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._rate = kit.rate
        self._language = kit.language
        self.mu_law = kit.rate == 8000
        self._contexts = count(1)

    def endpoint(self, tongue: Tongue) -> Endpoint:
        """See `MouthDialect`. A voice has a connection of its own, and so has a language."""
        options = self._options
        voice = quote(tongue.voice or options.voice_id, safe="")
        query = {
            **options.model_dump(
                include={
                    "model_id", "auto_mode", "apply_text_normalization", "enable_logging", "seed",
                }
            ),
            "language_code": self._code(tongue.language),
            "output_format": "ulaw_8000" if self.mu_law else f"pcm_{self._rate}",
            "inactivity_timeout": _INACTIVITY,
        }  # fmt: skip
        return Endpoint(
            self._account,
            self._account.url(f"/v1/text-to-speech/{voice}/multi-stream-input", query),
            authorization(self._account),
            options.connect_seconds,
            farewell=text(close_socket=True),
            closed=lambda code, reason: judged(self._account, reason) if code == 1008 else None,
        )

    def sentence(self, words: str, tongue: Tongue) -> "ContextSentence":
        """See `MouthDialect`."""
        context = f"s{next(self._contexts)}"
        return ContextSentence(self._account, context, words, self._options.voice_settings)

    def _code(self, wanted: str) -> str | None:
        """Only the models of 2.5 can be told a language; all others find it in the text."""
        code = wanted or self._options.language_code or self._language
        return code.split("-")[0].lower() if code and "v2_5" in self._options.model_id else None


class ContextSentence:
    """A `SpokenSentence` in a context of its own, which is closed once it was said."""

    def __init__(self, account: Account, context: str, words: str, settings: VoiceSettings) -> None:
        self._account = account
        self._context = context
        self._words = words
        self._settings = settings

    def begin(self) -> Sequence[Out]:
        """See `SpokenSentence`. A context that is closed goes on with what it was to flush."""
        settings = self._settings.model_dump(exclude_none=True) or None
        return [
            text(text=" ", context_id=self._context, voice_settings=settings),
            text(text=f"{self._words.strip()} ", context_id=self._context, flush=True),
            text(context_id=self._context, close_context=True),
        ]

    def hear(self, message: Message) -> Sound | None:
        """See `SpokenSentence`."""
        if isinstance(message, bytes):
            raise self._account.malformed("binary")
        # documented with a capital, and seen without
        context = message.get("contextId", message.get("context_id"))
        if "error" in message and context in (None, self._context):
            raise failed(message, self._account)
        if context != self._context:
            return None
        sound = audio(message.get("audio") or "", self._account)
        return Sound(sound, last=bool(message.get("isFinal", message.get("is_final"))))

    def cancel(self) -> Sequence[Out]:
        """See `SpokenSentence`. It is closed already; what it was to flush, it says to its end,
        some seconds of speech that nobody hears.
        """
        return []


def authorization(account: Account) -> dict[str, str]:
    """ElevenLabs' header; none where a gateway wants no key."""
    return {"xi-api-key": account.key} if account.key else {}


def failed(message: Message, account: Account) -> ProviderError:
    """What ElevenLabs' own error says."""
    told: dict[str, Any] = {} if isinstance(message, bytes) else dict(message)
    kind = str(told.get("message_type") or told.get("error"))
    said = str(told.get("message") or told.get("error"))
    cause = f"{account.base} failed with {quoted(kind)}: {quoted(said)}"
    return judged(account, f"{kind} {said}") or account.error(cause, retryable=True)


def judged(account: Account, said: str) -> ProviderError | None:
    """An error in words as the HTTP status it stands for; None where it stands for none."""
    known = {
        401: ("auth_error", "api_key", "api key", "unauthorized"),
        402: ("quota_exceeded", "quota"),
        404: ("voice_not_found", "voice_id_does_not_exist", "model_not_found"),
        429: ("rate_limited", "resource_exhausted", "queue_overflow", "max_active", "too many"),
        400: ("unaccepted_terms", "input_error", "invalid_request", "chunk_size_exceeded"),
    }
    found = (s for s, words in known.items() if any(word in said.lower() for word in words))
    status = next(found, None)
    return None if status is None else account.refusal(status, said)


def mouth(kit: Kit, name: str, raw: Options) -> Synthesizer:
    """A mouth of kind `elevenlabs`. Raises ProviderError."""
    options = checked(ElevenLabsOptions, name, raw)
    account = Account.of(name, options, BASE, VARIABLE)
    return StreamedMouth(ElevenLabs(account, options, kit), options, rate=kit.rate)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
