"""Google's Gemini Live over a WebSocket: `BidiGenerateContent` of the Generative Language API.

As ai.google.dev/api/live describes it, with `automaticActivityDetection` disabled: the server
learns of a turn when it is over and meant for it, and hears all of it then. It cannot be told how
much of an answer was played; the session's own notes tell it.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import Field

from sipagent.agent.protocols import ToolCall, Used
from sipagent.agent.realtime.model import (
    Asked,
    Done,
    Heard,
    Leaving,
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
from .gemini_turns import Turn, Turns
from .line_audio import Format, LineAudio
from .post import Post
from .web_socket import Endpoint

BASE = "wss://generativelanguage.googleapis.com"
_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_UP, _DOWN = Format("pcm", 16_000), Format("pcm", 24_000)
_AUDIO = f"audio/pcm;rate={_UP.rate}"
#: words in the reason of a close, and the HTTP status that means the same
_REASONS = {"api key": 401, "permission": 403, "not found": 404, "quota": 429, "rate limit": 429}


class GeminiLiveOptions(VendorOptions):
    """Keys of `kind: gemini-live`; names are the API's own in snake case where it has them."""

    model: str
    voice_name: str | None = None
    language_code: str | None = Field(default=None, description="of speech, BCP 47")
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_output_tokens: int | None = Field(default=None, ge=1)
    thinking_budget: int | None = Field(default=None, ge=0, description="tokens; 0: at once")
    first_token_seconds: float = Field(default=5.0, gt=0, description="longest wait for a word")
    stall_seconds: float = Field(default=4.0, gt=0, description="longest silence between words")


class GeminiLive:
    """A SpeechModel: one session."""

    def __init__(self, options: GeminiLiveOptions, account: Account, rate: int) -> None:
        """`rate` is the call's in Hz."""
        self._options = options
        self._account = account
        self._audio = LineAudio(rate, _UP, _DOWN)
        headers = {"x-goog-api-key": account.key} if account.key else {}
        url = f"{account.base}{_PATH}"
        self._post = Post(
            Endpoint(account, url, headers, options.connect_seconds, closed=self._closed)
        )
        self._turns = Turns()
        #: what the next answer will be asked for with
        self._turn = Turn()
        self._begun = False
        self._withdrawn: set[str] = set()

    @property
    def traits(self) -> Traits:
        """See `SpeechModel`."""
        return _traits(self._account.provider)

    async def open(self, setup: Setup) -> None:
        """See `SpeechModel`."""
        await self._post.open()
        self._post.send({"setup": self._setup(setup)})
        while "setupComplete" not in await self._post.next(self._options.connect_seconds):
            continue

    def change(self, setup: Setup) -> None:
        """See `SpeechModel`; a rigid one is never asked."""

    def hear(self, pcm: bytes) -> None:
        """See `SpeechModel`."""
        self._turn.heard.append(self._audio.to_vendor(pcm))

    def commit(self, sound: str) -> None:
        """See `SpeechModel`."""
        self._turn.sounds.append(sound)

    def forget(self) -> None:
        """See `SpeechModel`; what is heard here was meant for it."""

    def drop(self, sound: str) -> None:
        """See `SpeechModel`; what is heard here was meant for it."""

    def write(self, whose: Whose, text: str) -> None:
        """See `SpeechModel`."""
        self._turn.texts.append((whose, text))

    def result(self, call: ToolCall, text: str) -> None:
        """See `SpeechModel`. One that was withdrawn is not waited for."""
        if call.id in self._withdrawn:
            return
        response = {"id": call.id, "name": call.name, "response": {"output": text}}
        self._post.send({"toolResponse": {"functionResponses": [response]}})
        self._turn.goes_on = True

    def respond(self, answer: str) -> None:
        """See `SpeechModel`. After a tool's result it goes on by itself."""
        turn, self._turn = self._turn, Turn()
        self._turns.ask(answer, turn.sounds)
        if not self._begun and turn.texts:
            # what went before is history; where nothing follows it is what to answer
            self._post.send({"clientContent": turn.history(answered=not turn.heard)})
            turn.goes_on = turn.goes_on or not turn.heard
            turn.texts.clear()
        self._begun = True
        if turn.texts or turn.heard or not turn.goes_on:
            self._say_for_the_caller(turn)

    def say(self, answer: str, text: str) -> None:
        """See `SpeechModel`; it cannot."""

    def cancel(self, answer: str) -> None:
        """See `SpeechModel`. The caller's next turn interrupts it; until then it is not heard."""
        self._turns.cancel(answer)

    def cut(self, answer: str, played_ms: int) -> None:
        """See `SpeechModel`; it cannot."""

    async def events(self) -> AsyncIterator[ModelEvent]:
        """See `SpeechModel`."""
        async for message in self._post.messages():
            try:
                events = self._read(message)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                kinds = ", ".join(message)[:50]
                raise self._account.malformed(f"a {kinds} it does not define") from error
            for event in events:
                yield event

    async def aclose(self) -> None:
        """See `SpeechModel`."""
        await self._post.aclose()

    def _setup(self, setup: Setup) -> dict[str, Any]:
        options = self._options
        generation: dict[str, Any] = {"responseModalities": ["AUDIO"]}
        speech: dict[str, Any] = {}
        if options.voice_name is not None:
            speech["voiceConfig"] = {"prebuiltVoiceConfig": {"voiceName": options.voice_name}}
        if options.language_code is not None:
            speech["languageCode"] = options.language_code
        if speech:
            generation["speechConfig"] = speech
        if options.temperature is not None:
            generation["temperature"] = options.temperature
        if options.max_output_tokens is not None:
            generation["maxOutputTokens"] = options.max_output_tokens
        if options.thinking_budget is not None:
            generation["thinkingConfig"] = {"thinkingBudget": options.thinking_budget}
        model = options.model
        told: dict[str, Any] = {
            "model": model if "/" in model else f"models/{model}",
            "generationConfig": generation,
            "systemInstruction": {"parts": [{"text": setup.prompt}]},
            "realtimeInputConfig": {
                "automaticActivityDetection": {"disabled": True},
                "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
            },
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
            # without it a session with sound ends after 15 minutes
            "contextWindowCompression": {"slidingWindow": {}},
        }
        if setup.tools:
            told["tools"] = [{"functionDeclarations": _declarations(setup)}]
        return told

    def _say_for_the_caller(self, turn: Turn) -> None:
        self._input({"activityStart": {}})
        for note in turn.notes():
            self._input({"text": note})
        for data in turn.heard:
            encoded = base64.b64encode(data).decode()
            self._input({"audio": {"mimeType": _AUDIO, "data": encoded}})
        self._input({"activityEnd": {}})

    def _input(self, told: Mapping[str, Any]) -> None:
        self._post.send({"realtimeInput": told})

    def _read(self, message: Mapping[str, Any]) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        if usage := message.get("usageMetadata"):
            self._turns.used = _used(self._options.model, usage)
        if content := message.get("serverContent"):
            events += self._content(content)
        if asked := message.get("toolCall"):
            events += self._asked(asked["functionCalls"])
        if withdrawn := message.get("toolCallCancellation"):
            self._withdrawn.update(withdrawn["ids"])
        if "goAway" in message:
            events.append(Leaving())
        return events

    def _content(self, content: Mapping[str, Any]) -> list[ModelEvent]:
        turns = self._turns
        events: list[ModelEvent] = []
        if heard := content.get("inputTranscription"):
            turns.wrote(str(heard.get("text") or ""))
        for part in (content.get("modelTurn") or {}).get("parts") or ():
            if (data := part.get("inlineData")) and (name := turns.speaks()):
                pcm = self._audio.to_call(base64.b64decode(data["data"], validate=True))
                events.append(Voice(name, pcm))
        spoken = (content.get("outputTranscription") or {}).get("text")
        if spoken and (name := turns.speaks()):
            events.append(Words(name, str(spoken)))
        if any(content.get(key) for key in ("generationComplete", "turnComplete", "interrupted")):
            events += self._over()
        if content.get("turnComplete") and turns.used is not None:
            events.append(turns.used)
            turns.used = None
        return events

    def _asked(self, calls: list[Mapping[str, Any]]) -> list[ModelEvent]:
        name = self._turns.speaks()
        if not name:
            return []
        asked = (
            ToolCall(str(call["id"]), str(call["name"]), dict(call.get("args") or {}))
            for call in calls
        )
        return [*(Asked(name, call) for call in asked), *self._over()]

    def _over(self) -> list[ModelEvent]:
        answer, sounds, text = self._turns.over()
        events: list[ModelEvent] = [Done(answer)] if answer else []
        # what several sounds were together is told with the last
        texts = ["" for _ in sounds[:-1]] + [text]
        return [*(Heard(*pair) for pair in zip(sounds, texts, strict=False)), *events]

    def _closed(self, code: int, reason: str) -> ProviderError | None:
        for words, status in _REASONS.items():
            if words in reason.lower():
                return self._account.refusal(status, reason)
        return None


def make(kit: Kit, name: str, raw: Options) -> RealtimeBrain:
    """See `Late`: the mind of a plan that names kind `gemini-live`. Raises ProviderError."""
    options = checked(GeminiLiveOptions, name, raw)
    account = Account.of(name, options, BASE, "GEMINI_API_KEY")
    patience = Patience(options.first_token_seconds, options.stall_seconds)
    maker = Maker(_traits(name), kit.rate, lambda: GeminiLive(options, account, kit.rate), patience)
    phrases = (phrase for intent in kit.spec.intents.values() for phrase in intent.phrases)
    return RealtimeBrain(Session(maker, kit.spec.prompt), phrases)


def preload() -> None:
    """Read the trusted roots."""
    tls()


def _traits(provider: str) -> Traits:
    return Traits(provider, truncates=False, says=False, early=False, rigid=True)


def _declarations(setup: Setup) -> list[dict[str, Any]]:
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": dict(tool.parameters),
        }
        for tool in setup.tools
    ]


def _used(model: str, usage: Mapping[str, Any]) -> Used:
    def audio(key: str) -> int:
        details = usage.get(key) or ()
        return sum(int(d.get("tokenCount") or 0) for d in details if d.get("modality") == "AUDIO")

    return Used(
        model,
        int(usage.get("promptTokenCount") or 0),
        int(usage.get("responseTokenCount") or 0),
        int(usage.get("cachedContentTokenCount") or 0),
        audio("promptTokensDetails"),
        audio("responseTokensDetails"),
    )
