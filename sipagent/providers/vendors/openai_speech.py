"""Speech over HTTP as OpenAI defined it: OpenAI, Speaches, LocalAI, vLLM and others.

`POST /audio/transcriptions` and `POST /audio/speech` of platform.openai.com/docs/api-reference.
"""

import json
from collections.abc import AsyncIterator, Callable
from os import environ
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sipagent.agent.protocols import OWN_TONGUE, Expectation, Tongue, Transcript
from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.media.wav import header

from ..kit import Kit, Options, checked
from ..trust import tls
from .http_door import HttpDoor, Where
from .pcm import LONGEST, NotPcm, PcmStream

OPENAI = "https://api.openai.com/v1"
#: samples a second of `response_format: pcm`
_PCM_RATE = 24_000
#: what OpenAI takes as a file, bytes
_LONGEST_FILE = 25_000_000
_TEXT_LIMIT = 1_000_000
#: characters of `prompt`: whisper keeps the last 224 tokens
_PROMPT_LIMIT = 600
#: sound that is not PCM, and words instead of sound
_NOT_SOUND = ("text/", "application/json", "audio/mpeg", "audio/ogg", "audio/aac", "audio/flac")


class _HttpOptions(BaseModel):
    """Without `base_url` it is OpenAI itself, and `OPENAI_API_KEY` serves where no key is given;
    that key is never sent anywhere else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    base_url: str | None = Field(default=None, description="where the API begins: http://host/v1")
    api_key: SecretStr | None = None
    silence_seconds: float = Field(default=4.0, gt=0, description="longest wait for an answer")


class EarsOptions(_HttpOptions):
    """Keys of `kind: openai` for ears."""

    language: str | None = Field(default=None, description="ISO 639-1; default: the agent's")
    prompt: str = Field(default="", description="what was said before, or a style to follow")
    temperature: float | None = Field(default=None, ge=0, le=1)
    stream: bool = Field(default=False, description="text as it is found: not with whisper-1")


class MouthOptions(_HttpOptions):
    """Keys of `kind: openai` for mouths."""

    voice: str
    instructions: str | None = Field(default=None, description="how to say it; not with tts-1")
    speed: float | None = Field(default=None, ge=0.25, le=4)
    response_format: Literal["pcm", "wav"] = Field(
        default="pcm", description="24 kHz samples, or a WAV that tells its own rate"
    )


def preload() -> None:
    """See `Late`."""
    tls()


def ears(kit: Kit, name: str, raw: Options) -> "HttpEars":
    """See `Late`. Raises ProviderError."""
    options = checked(EarsOptions, name, raw)
    language = options.language or kit.language
    return HttpEars(_door(name, options), options, kit.rate, kit.hints, language)


def mouth(kit: Kit, name: str, raw: Options) -> "HttpMouth":
    """See `Late`. Raises ProviderError."""
    options = checked(MouthOptions, name, raw)
    return HttpMouth(_door(name, options), options, kit.rate)


class HttpEars:
    """A Transcriber: an utterance is sent as one WAV when it is whole."""

    gives_partials = False

    def __init__(
        self,
        door: HttpDoor,
        options: EarsOptions,
        rate: int,
        hints: Callable[[Expectation], tuple[str, ...]],
        language: str,
    ) -> None:
        self._door = door
        self._options = options
        self._rate = rate
        self._hints = hints
        self._language = language

    async def warm(self) -> None:
        """See `Connected`."""
        await self._door.warm("/models")

    async def aclose(self) -> None:
        """See `Connected`."""
        await self._door.aclose()

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`. Partials come only after the end, where the server streams them."""
        pcm = bytearray()
        async for frame in audio:
            pcm += frame.pcm
            if len(pcm) > _LONGEST_FILE:
                cause = f"an utterance of more than {_LONGEST_FILE} bytes cannot be sent"
                raise ProviderError(self._door.provider, cause, retryable=False)
        if not pcm:
            return
        form = self._form(expected)
        file = ("speech.wav", header(self._rate, 1, len(pcm)) + pcm, "audio/wav")
        path = "/audio/transcriptions"
        async with self._door.ask("POST", path, data=form, files={"file": file}) as response:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                async for transcript in _events(self._door, response):
                    yield transcript
            else:
                body = await self._door.whole(response, _TEXT_LIMIT)
                yield Transcript(_text(self._door, response, _json(body)), final=True)

    def _form(self, expected: Expectation) -> dict[str, str]:
        options = self._options
        form = {"model": options.model, "response_format": "json"}
        if language := expected.language or self._language:
            form["language"] = language.partition("-")[0].lower()
        words = ", ".join(self._hints(expected))
        if prompt := " ".join(filter(None, [words, options.prompt])):
            form["prompt"] = prompt[:_PROMPT_LIMIT]
        if options.temperature is not None:
            form["temperature"] = f"{options.temperature:g}"
        if options.stream:
            form["stream"] = "true"
        return form


class HttpMouth:
    """A Synthesizer: a sentence a request, its sound played as it comes."""

    def __init__(self, door: HttpDoor, options: MouthOptions, rate: int) -> None:
        self._door = door
        self._options = options
        self._rate = rate

    async def warm(self) -> None:
        """See `Connected`."""
        await self._door.warm("/models")

    async def aclose(self) -> None:
        """See `Connected`."""
        await self._door.aclose()

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`. Closing the iterator closes the request."""
        made = False
        pcm = PcmStream(_PCM_RATE, self._rate)
        limit = _PCM_RATE * 2 * LONGEST
        async with self._door.ask("POST", "/audio/speech", json=self._body(text, tongue)) as answer:
            kind = answer.headers.get("content-type", "")
            if kind.startswith(_NOT_SOUND):
                raise self._door.malformed(answer, f"{kind}, not {self._options.response_format}")
            try:
                async for data in self._door.body(answer, limit):
                    if piece := pcm.feed(data):
                        made = True
                        yield piece
            except NotPcm as error:
                raise self._door.malformed(answer, str(error)) from error
        if last := pcm.finish():
            made = True
            yield last
        if not made:
            raise ProviderError(self._door.provider, f"{answer.url} sent no sound")

    def _body(self, text: str, tongue: Tongue) -> dict[str, Any]:
        options = self._options
        body: dict[str, Any] = {
            "model": options.model,
            "input": text,
            "voice": tongue.voice or options.voice,
            "response_format": options.response_format,
        }
        if options.instructions is not None:
            body["instructions"] = options.instructions
        if options.speed is not None:
            body["speed"] = options.speed
        return body


def _door(name: str, options: _HttpOptions) -> HttpDoor:
    key = options.api_key
    if options.base_url is None and key is None:
        if not environ.get("OPENAI_API_KEY"):
            cause = "no API key: set api_key, or OPENAI_API_KEY in the environment"
            raise ProviderError(name, cause, retryable=False)
        key = SecretStr(environ["OPENAI_API_KEY"])
    base_url = (options.base_url or OPENAI).rstrip("/")
    return HttpDoor(name, Where(base_url, key, options.silence_seconds))


async def _events(door: HttpDoor, response: Any) -> AsyncIterator[Transcript]:
    """`transcript.text.delta` and `transcript.text.done` of a server-sent event stream."""
    so_far = ""
    rest = b""
    async for data in door.body(response, _TEXT_LIMIT):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:") or line.strip() == b"data: [DONE]":
                continue
            event = _json(line[len(b"data:") :])
            match event.get("type") if isinstance(event, dict) else None:
                case "transcript.text.delta":
                    so_far += str(event.get("delta", ""))
                    yield Transcript(so_far.strip(), final=False)
                case "transcript.text.done":
                    yield Transcript(_text(door, response, event), final=True)
                    return
                case "error" | None:
                    raise door.malformed(response, "an error in the middle of its text")
    raise door.malformed(response, "a text without an end")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _text(door: HttpDoor, response: Any, told: Any) -> str:
    text = told.get("text") if isinstance(told, dict) else None
    if not isinstance(text, str):
        raise door.malformed(response, "no JSON with a text")
    return text.strip()
