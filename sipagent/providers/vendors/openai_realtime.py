"""OpenAI's Realtime API over a WebSocket, and servers that speak like it.

The generally available protocol (`session.type: realtime`) of platform.openai.com/docs/guides/
realtime and its reference of client and server events. The server detects no turns: when the
caller has spoken and whether they interrupted is decided here, and the server is told.
"""

import base64
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog

from sipagent.agent.protocols import ToolCall
from sipagent.agent.realtime.model import (
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
from .account import Account
from .line_audio import LineAudio
from .openai_responses import Responses
from .openai_shapes import (
    OpenAiRealtimeOptions,
    asked_of,
    error_of,
    format_of,
    session_of,
    tools_of,
    used_of,
)
from .post import Post
from .web_socket import Endpoint

BASE = "wss://api.openai.com/v1"
#: not worth a warning: what was to be cancelled was done already
_HARMLESS = frozenset({"response_cancel_not_active"})
#: the whole session is over with these
_FATAL = frozenset({"invalid_api_key", "session_expired", "insufficient_quota", "model_not_found"})
_SAY = (
    "You are reading aloud. Speak the user's message word for word, exactly as it is written, in a "
    "natural voice. Add nothing, leave nothing out, do not answer it."
)
_log = structlog.get_logger()


class OpenAiRealtime:
    """A SpeechModel: one session."""

    def __init__(
        self, options: OpenAiRealtimeOptions, account: Account, rate: int, language: str
    ) -> None:
        """`rate` is the call's in Hz, `language` of the talk as a BCP 47 tag, or empty."""
        self._options = options
        self._account = account
        self._format = format_of(options.audio, rate)
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
        session = session_of(self._options, self._format, self._language, setup)
        self._post.send({"type": "session.update", "session": session})
        await self._until("session.updated")

    def change(self, setup: Setup) -> None:
        """See `SpeechModel`."""
        session = {"type": "realtime", "instructions": setup.prompt, "tools": tools_of(setup)}
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
                raise error_of(self._account, message.get("error"))
            if message.get("type") == wanted:
                return

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
                return asked_of(name, message["item"]) if name else []
            case "response.done":
                return self._done(message["response"])
            case "input_audio_buffer.committed":
                return self._took(message["item_id"])
            case "conversation.item.input_audio_transcription.completed":
                return self._wrote(message["item_id"], str(message["transcript"]), None)
            case "conversation.item.input_audio_transcription.failed":
                failure = error_of(self._account, message.get("error"))
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
            events.append(used_of(self._options.model, usage))
        name = self._responses.done(response["id"])
        if name:
            events.append(Done(name, self._outcome(response)))
        return events

    def _outcome(self, response: Mapping[str, Any]) -> ProviderError | None:
        details = response.get("status_details") or {}
        match response.get("status"):
            case "failed":
                return error_of(self._account, details.get("error"))
            case "incomplete" if details.get("reason") == "content_filter":
                cause = "the answer was held back by the vendor's content filter"
                return self._account.error(cause, retryable=False)
        return None

    def _failed(self, error: Mapping[str, Any]) -> list[ModelEvent]:
        told = error_of(self._account, error)
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
