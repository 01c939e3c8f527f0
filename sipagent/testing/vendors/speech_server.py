"""SpeechServer: OpenAI's transcription and speech over HTTP, strict about what it is asked."""

import asyncio
import io
import json
import wave
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from .http_server import HttpAnswer, HttpRequest, HttpServer, refused
from .sounds import tone

#: samples a second of `pcm`
RATE = 24_000
_FORM = frozenset(
    {"file", "model", "language", "prompt", "response_format", "temperature", "stream"}
)
_SPEECH = frozenset({"model", "input", "voice", "instructions", "response_format", "speed"})
_PIECE = RATE // 10 * 2


@dataclass(frozen=True, slots=True)
class Heard:
    """One transcription request: its fields, and the WAV's rate and length in ms."""

    form: dict[str, str]
    rate: int
    ms: int


@dataclass(slots=True)
class SpeechServer:
    """Use with `speech_server`. `texts` are what it hears, in order, then nothing.

    Speech is a tone of `hertz`, 200 ms a word, with `pace` seconds between pieces of 100 ms.
    """

    texts: deque[str] = field(default_factory=deque)
    api_key: str | None = None
    hertz: float = 400.0
    pace: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    #: bodies of speech requests
    spoken: list[dict[str, Any]] = field(default_factory=list)
    http: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        self.http = HttpServer(self._handle)

    @property
    def base_url(self) -> str:
        """Where the API begins, as a client's `base_url`."""
        return f"{self.http.url}/v1"

    async def _handle(self, request: HttpRequest) -> HttpAnswer:
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return refused(401, "Incorrect API key provided.")
        match request.path:
            case "/v1/models":
                return HttpAnswer(b'{"object": "list", "data": []}')
            case "/v1/audio/transcriptions":
                return self._transcription(request)
            case "/v1/audio/speech":
                return self._speech(request)
        return refused(404, f"Unknown request URL: {request.path}")

    def _transcription(self, request: HttpRequest) -> HttpAnswer:
        parts = _multipart(request)
        if unknown := parts.keys() - _FORM:
            return refused(400, f"Unknown parameter: {sorted(unknown)[0]}.")
        if "file" not in parts or "model" not in parts:
            return refused(400, "you must provide a model and a file parameter")
        with wave.open(io.BytesIO(parts.pop("file"))) as sound:
            rate, ms = sound.getframerate(), sound.getnframes() * 1000 // sound.getframerate()
            if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
                return refused(400, "Audio file might be corrupted or unsupported")
        form = {name: value.decode() for name, value in parts.items()}
        self.heard.append(Heard(form, rate, ms))
        text = self.texts.popleft() if self.texts else ""
        if form.get("stream") == "true":
            return HttpAnswer(_text_events(text), "text/event-stream")
        return HttpAnswer(json.dumps({"text": text}).encode())

    def _speech(self, request: HttpRequest) -> HttpAnswer:
        body = json.loads(request.body)
        if unknown := body.keys() - _SPEECH:
            return refused(400, f"Unknown parameter: {sorted(unknown)[0]}.")
        if missing := {"model", "input", "voice"} - body.keys():
            return refused(400, f"Missing required parameter: {sorted(missing)[0]}.")
        self.spoken.append(body)
        pcm = tone(self.hertz, len(body["input"].split()) * 200, RATE)
        if body.get("response_format") == "wav":
            return HttpAnswer(self._paced(_streamed_wav(pcm)), "audio/wav")
        return HttpAnswer(self._paced(pcm), "audio/pcm")

    async def _paced(self, data: bytes) -> AsyncIterator[bytes]:
        # pieces of odd length: samples are cut in two, as they are by networks
        for start in range(0, len(data), _PIECE + 1):
            yield data[start : start + _PIECE + 1]
            await asyncio.sleep(self.pace)


@asynccontextmanager
async def speech_server(*texts: str, **settings: Any) -> AsyncIterator[SpeechServer]:
    """A server that runs until the block is left."""
    server = SpeechServer(deque(texts), **settings)
    async with server.http:
        yield server


def _multipart(request: HttpRequest) -> dict[str, bytes]:
    """The parts of a form (RFC 7578) by name."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts: Sequence[Any] = list(message.iter_parts())
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in parts
    }


async def _text_events(text: str) -> AsyncIterator[bytes]:
    for index, word in enumerate(text.split()):
        delta = word if index == 0 else f" {word}"
        yield _event({"type": "transcript.text.delta", "delta": delta})
    yield _event({"type": "transcript.text.done", "text": text})
    yield b"data: [DONE]\n\n"


def _event(told: dict[str, str]) -> bytes:
    return b"data: " + json.dumps(told).encode() + b"\n\n"


def _streamed_wav(pcm: bytes) -> bytes:
    """As servers stream it: with sizes that nobody knew when the header was written."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(b"")
    header = bytearray(file.getvalue())
    header[4:8] = header[40:44] = b"\xff\xff\xff\xff"
    return bytes(header) + pcm
