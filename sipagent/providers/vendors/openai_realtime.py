"""OpenAI's Realtime API over a WebSocket, and servers that speak like it.

The generally available protocol (`session.type: realtime`) of platform.openai.com/docs/guides/
realtime and its reference of client and server events. The server detects no turns: when the
caller has spoken and whether they interrupted is decided here, and the server is told.
"""

import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

import structlog
from pydantic import Field

from sipagent.agent.protocols import ToolCall, Used
from sipagent.agent.realtime.model import (
    Asked,
    Done,
    Heard,
    ModelEvent,
    Setup,
    Traits,
    Voice,
    Whose,
    Words,
)
from sipagent.agent.realtime.organs import RealtimeBrain
from sipagent.agent.realtime.session import Maker, Patience, Session
from sipagent.errors import ProviderError

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, VendorOptions
from .line_audio import G711_RATE, Encoding, Format, LineAudio
from .openai_responses import Responses
from .post import Post
from .web_socket import Endpoint

BASE = "wss://api.openai.com/v1"
_PCM = Format("pcm", 24_000)
#: not worth a warning: what was to be cancelled was done already
_HARMLESS = frozenset({"response_cancel_not_active"})
#: the whole session is over with these
_FATAL = frozenset({"invalid_api_key", "session_expired", "insufficient_quota", "model_not_found"})
_SAY = (
    "You are reading aloud. Speak the user's message word for word, exactly as it is written, in a "
    "natural voice. Add nothing, leave nothing out, do not answer it."
)
_log = structlog.get_logger()


class OpenAiRealtimeOptions(VendorOptions):
    """Keys of `kind: openai-realtime`; names are the API's own where it has them."""

    model: str
    voice: str = "marin"
    speed: float | None = Field(default=None, ge=0.25, le=1.5)
    audio: Literal["auto", "pcmu", "pcma", "pcm"] = Field(
        default="auto", description="encoding on the connection; auto: pcmu on an 8 kHz call"
    )
    transcription: str | None = Field(
        default="gpt-4o-mini-transcribe",
        description="model that writes down what the caller says; null: nobody does",
    )
    language: str | None = Field(default=None, description="of the caller, ISO 639-1")
    max_output_tokens: int | None = Field(default=None, ge=1, le=4096)
    first_token_seconds: float = Field(default=5.0, gt=0, description="longest wait for a word")
    stall_seconds: float = Field(default=4.0, gt=0, description="longest silence between words")
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    noise_reduction: Literal["near_field", "far_field"] | None = None


class OpenAiRealtime:
    """A SpeechModel: one session."""

    def __init__(
        self, options: OpenAiRealtimeOptions, account: Account, rate: int, language: str
    ) -> None:
        """`rate` is the call's in Hz, `language` of the talk as a BCP 47 tag, or empty."""
        self._options = options
        self._account = account
        self._format = _format(options.audio, rate)
        self._audio = LineAudio(rate, self._format, self._format)
        self._language = options.language or language.partition("-")[0]
        url = account.url("/realtime", {"model": options.model})
        headers = {"Authorization": f"Bearer {account.key}"} if account.key else {}
        self._post = Post(Endpoint(account, url, headers, options.connect_seconds))
        self._responses = Responses(self._post.send, self._format.bytes_per_second)
        #: sounds whose items have no id yet, and the ids of those that have
        self._committed: deque[str] = deque()
        self._items: dict[str, str] = {}
        self._sounds: dict[str, str] = {}

    @property
    def traits(self) -> Traits:
        """See `SpeechModel`."""
        return _traits(self._account.provider)

    async def open(self, setup: Setup) -> None:
        """See `SpeechModel`."""
        await self._post.open()
        await self._until("session.created")
        self._post.send({"type": "session.update", "session": self._session(setup)})
        await self._until("session.updated")

    def change(self, setup: Setup) -> None:
        """See `SpeechModel`."""
        session = {"type": "realtime", "instructions": setup.prompt, "tools": _tools(setup)}
        self._post.send({"type": "session.update", "session": session})

    def hear(self, pcm: bytes) -> None:
        """See `SpeechModel`."""
        audio = base64.b64encode(self._audio.to_vendor(pcm)).decode()
        self._post.send({"type": "input_audio_buffer.append", "audio": audio})

    def commit(self, sound: str) -> None:
        """See `SpeechModel`."""
        self._committed.append(sound)
        self._post.send({"type": "input_audio_buffer.commit", "event_id": sound})

    def forget(self) -> None:
        """See `SpeechModel`."""
        self._post.send({"type": "input_audio_buffer.clear"})

    def drop(self, sound: str) -> None:
        """See `SpeechModel`."""
        item = self._items.pop(sound, None)
        if item is not None:
            self._post.send({"type": "conversation.item.delete", "item_id": item})

    def write(self, whose: Whose, text: str) -> None:
        """See `SpeechModel`."""
        role = {"caller": "user", "agent": "assistant", "system": "system"}[whose]
        kind = "output_text" if whose == "agent" else "input_text"
        content = [{"type": kind, "text": text}]
        self._create({"type": "message", "role": role, "content": content})

    def result(self, call: ToolCall, text: str) -> None:
        """See `SpeechModel`."""
        self._create({"type": "function_call_output", "call_id": call.id, "output": text})

    def respond(self, answer: str) -> None:
        """See `SpeechModel`."""
        self._responses.ask(answer, {})

    def say(self, answer: str, text: str) -> None:
        """See `SpeechModel`."""
        content = [{"type": "input_text", "text": text}]
        beside = {
            "conversation": "none",
            "instructions": _SAY,
            "input": [{"type": "message", "role": "user", "content": content}],
            "tools": [],
        }
        self._responses.ask(answer, beside)

    def cancel(self, answer: str) -> None:
        """See `SpeechModel`."""
        self._responses.cancel(answer)

    def cut(self, answer: str, played_ms: int) -> None:
        """See `SpeechModel`."""
        self._responses.cut(answer, played_ms)

    async def events(self) -> AsyncIterator[ModelEvent]:
        """See `SpeechModel`."""
        async for message in self._post.messages():
            try:
                events = self._read(message)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                kind = str(message.get("type"))[:50]
                raise self._account.malformed(f"a {kind} it does not define") from error
            for event in events:
                yield event

    async def aclose(self) -> None:
        """See `SpeechModel`."""
        await self._post.aclose()

    async def _until(self, wanted: str) -> None:
        while True:
            message = await self._post.next(self._options.connect_seconds)
            if message.get("type") == "error":
                raise self._error(message.get("error"))
            if message.get("type") == wanted:
                return

    def _session(self, setup: Setup) -> dict[str, Any]:
        options = self._options
        transcription: dict[str, Any] | None = None
        if options.transcription is not None:
            transcription = {"model": options.transcription}
            if self._language:
                transcription["language"] = self._language
        heard = {
            "format": _named(self._format),
            "transcription": transcription,
            "turn_detection": None,
            "noise_reduction": _kind(options.noise_reduction),
        }
        spoken: dict[str, Any] = {"format": _named(self._format), "voice": options.voice}
        if options.speed is not None:
            spoken["speed"] = options.speed
        session: dict[str, Any] = {
            "type": "realtime",
            "instructions": setup.prompt,
            "output_modalities": ["audio"],
            "audio": {"input": heard, "output": spoken},
            "tools": _tools(setup),
            "tool_choice": "auto",
        }
        if options.max_output_tokens is not None:
            session["max_output_tokens"] = options.max_output_tokens
        if options.reasoning_effort is not None:
            session["reasoning"] = {"effort": options.reasoning_effort}
        return session

    def _create(self, item: Mapping[str, Any]) -> None:
        self._post.send({"type": "conversation.item.create", "item": item})

    def _read(self, message: Mapping[str, Any]) -> list[ModelEvent]:
        match message["type"]:
            case "response.output_audio.delta" | "response.audio.delta":
                data = base64.b64decode(message["delta"], validate=True)
                name = self._responses.sounded(message["response_id"], message["item_id"], data)
                return [Voice(name, self._audio.to_call(data))] if name else []
            case "response.output_audio_transcript.delta" | "response.audio_transcript.delta":
                name = self._responses.name(message["response_id"])
                return [Words(name, str(message["delta"]))] if name else []
            case "response.created":
                self._responses.created(message["response"])
            case "response.output_item.done":
                name = self._responses.name(message["response_id"])
                return _asked(name, message["item"]) if name else []
            case "response.done":
                return self._done(message["response"])
            case "input_audio_buffer.committed":
                return self._took(message["item_id"])
            case "conversation.item.input_audio_transcription.completed":
                return self._wrote(message["item_id"], str(message["transcript"]), None)
            case "conversation.item.input_audio_transcription.failed":
                failure = self._error(message.get("error"))
                return self._wrote(message["item_id"], "", failure)
            case "error":
                return self._failed(message["error"])
        return []

    def _took(self, item: str) -> list[ModelEvent]:
        if self._committed:
            sound = self._committed.popleft()
            self._items[sound], self._sounds[item] = item, sound
            if self._options.transcription is None:
                cause = "transcription is switched off"
                return [Heard(sound, failure=self._account.error(cause, retryable=False))]
        return []

    def _wrote(self, item: str, text: str, failure: ProviderError | None) -> list[ModelEvent]:
        sound = self._sounds.pop(item, None)
        return [] if sound is None else [Heard(sound, text, failure)]

    def _done(self, response: Mapping[str, Any]) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        if usage := response.get("usage"):
            events.append(_used(self._options.model, usage))
        name = self._responses.done(response["id"])
        if name:
            events.append(Done(name, self._outcome(response)))
        return events

    def _outcome(self, response: Mapping[str, Any]) -> ProviderError | None:
        details = response.get("status_details") or {}
        match response.get("status"):
            case "failed":
                return self._error(details.get("error"))
            case "incomplete" if details.get("reason") == "content_filter":
                cause = "the answer was held back by the vendor's content filter"
                return self._account.error(cause, retryable=False)
        return None

    def _failed(self, error: Mapping[str, Any]) -> list[ModelEvent]:
        told = self._error(error)
        if error.get("code") in _FATAL:
            raise told
        event = error.get("event_id")
        if isinstance(event, str) and self._responses.refused(event):
            return [Done(event, told)]
        if isinstance(event, str) and event in self._committed:
            self._committed.remove(event)
            return [Heard(event, failure=told)]
        if error.get("code") not in _HARMLESS:
            _log.warning("model_complained", provider=told.provider, cause=told.cause)
        return []

    def _error(self, error: Any) -> ProviderError:
        told = error if isinstance(error, Mapping) else {}
        code, said = str(told.get("code") or told.get("type") or ""), str(told.get("message") or "")
        match code:
            case "invalid_api_key":
                return self._account.refusal(401, said)
            case "model_not_found":
                return self._account.refusal(404, said)
            case "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota":
                return self._account.refusal(429, said)
            case "server_error" | "internal_error":
                return self._account.refusal(500, said)
            case "session_expired":
                return self._account.closed(1001, said)
        return self._account.refusal(400, f"{code}: {said}" if code else said)


def make(kit: Kit, name: str, raw: Options) -> RealtimeBrain:
    """See `Late`: the mind of a plan that names kind `openai-realtime`. Raises ProviderError."""
    options = checked(OpenAiRealtimeOptions, name, raw)
    account = Account.of(name, options, BASE, "OPENAI_API_KEY")

    def session() -> OpenAiRealtime:
        return OpenAiRealtime(options, account, kit.rate, kit.language)

    phrases = (phrase for intent in kit.spec.intents.values() for phrase in intent.phrases)
    patience = Patience(options.first_token_seconds, options.stall_seconds)
    maker = Maker(_traits(name), kit.rate, session, patience)
    return RealtimeBrain(Session(maker, kit.spec.prompt), phrases)


def preload() -> None:
    """Read the trusted roots."""
    tls()


def _traits(provider: str) -> Traits:
    return Traits(provider, truncates=True, says=True, early=True, rigid=False)


def _format(audio: Literal["auto"] | Encoding, rate: int) -> Format:
    encoding = audio
    if encoding == "auto":
        encoding = "pcmu" if rate == G711_RATE else "pcm"
    return _PCM if encoding == "pcm" else Format(encoding, G711_RATE)


def _named(form: Format) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": f"audio/{form.encoding}"}
    return {**kind, "rate": form.rate} if form.encoding == "pcm" else kind


def _kind(value: str | None) -> dict[str, str] | None:
    return None if value is None else {"type": value}


def _used(model: str, usage: Mapping[str, Any]) -> Used:
    heard = usage.get("input_token_details") or {}
    made = usage.get("output_token_details") or {}
    return Used(
        model,
        int(usage.get("input_tokens") or 0),
        int(usage.get("output_tokens") or 0),
        int(heard.get("cached_tokens") or 0),
        int(heard.get("audio_tokens") or 0),
        int(made.get("audio_tokens") or 0),
    )


def _tools(setup: Setup) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        }
        for tool in setup.tools
    ]


def _asked(answer: str, item: Mapping[str, Any]) -> list[ModelEvent]:
    if item["type"] != "function_call" or item.get("status") == "incomplete":
        return []
    raw = str(item.get("arguments") or "{}")
    try:
        arguments = json.loads(raw)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        arguments = {"_malformed": raw}
    return [Asked(answer, ToolCall(str(item["call_id"]), str(item["name"]), arguments))]
