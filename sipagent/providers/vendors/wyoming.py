"""Wyoming servers: local speech in a process of its own (wyoming-piper, wyoming-faster-whisper)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import OWN_TONGUE, Expectation, Tongue, Transcript
from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.media.resample import Resampler

from ..kit import Kit, Options, checked
from .pcm import LONGEST
from .wyoming_wire import Event, WyomingLine, address

#: characters of text a transcript may come to
_TEXT_LIMIT = 100_000
_log = structlog.get_logger()


class _TcpOptions(BaseModel):
    """What ears and mouths share."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    base_url: str = Field(description="tcp://host:port")
    silence_seconds: float = Field(default=4.0, gt=0, description="longest wait for an answer")


class EarsOptions(_TcpOptions):
    """Keys of `kind: wyoming` for ears."""

    model: str | None = Field(default=None, description="name of an ASR model of the server")
    language: str | None = Field(default=None, description="default: the agent's")


class MouthOptions(_TcpOptions):
    """Keys of `kind: wyoming` for mouths."""

    voice: str | None = Field(default=None, description="name of a voice: en_GB-alba-medium")
    speaker: str | None = Field(default=None, description="of a voice with several")


def ears(kit: Kit, name: str, raw: Options) -> "WyomingEars":
    """See `Late`. Raises ProviderError."""
    options = checked(EarsOptions, name, raw)
    address(name, options.base_url)
    return WyomingEars(name, options, kit)


def mouth(kit: Kit, name: str, raw: Options) -> "WyomingMouth":
    """See `Late`. Raises ProviderError."""
    options = checked(MouthOptions, name, raw)
    address(name, options.base_url)
    return WyomingMouth(name, options, kit.rate)


def preload() -> None:
    """See `Late`: nothing heavy here."""


class WyomingEars:
    """A Transcriber. Audio is sent while it is spoken, on a connection of its own for each
    utterance: servers close theirs after a transcript, and the caller's first word hides the
    opening of the next.
    """

    def __init__(self, name: str, options: EarsOptions, kit: Kit) -> None:
        self._name = name
        self._options = options
        self._rate = kit.rate
        self._language = options.language or kit.language
        self._hints: Callable[[Expectation], tuple[str, ...]] = kit.hints

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`. Partials where the server streams them."""
        options = self._options
        line = await WyomingLine.open(self._name, options.base_url, options.silence_seconds)
        try:
            await line.send(Event("transcribe", self._request(expected)))
            await self._send(line, audio)
            async for transcript in self._texts(line):
                yield transcript
        finally:
            await line.aclose()

    def _request(self, expected: Expectation) -> dict[str, object]:
        request: dict[str, object] = {}
        if self._options.model is not None:
            request["name"] = self._options.model
        if language := expected.language or self._language:
            request["language"] = language.partition("-")[0].lower()
        if words := self._hints(expected):
            request["transcript_names"] = list(words)
        return request

    async def _send(self, line: WyomingLine, audio: AsyncIterator[Frame]) -> None:
        form = {"rate": self._rate, "width": 2, "channels": 1}
        await line.send(Event("audio-start", form))
        async for frame in audio:
            await line.send(Event("audio-chunk", form, frame.pcm))
        await line.send(Event("audio-stop"))

    async def _texts(self, line: WyomingLine) -> AsyncIterator[Transcript]:
        so_far = ""
        while True:
            event = await line.receive()
            text = str(event.data.get("text", ""))
            match event.type:
                case "transcript":
                    yield Transcript(text.strip(), final=True)
                    return
                case "transcript-chunk" if len(so_far) < _TEXT_LIMIT:
                    so_far += text
                    yield Transcript(so_far.strip(), final=False)
                case "transcript-chunk":
                    cause = f"{self._options.base_url} sends text without an end: given up"
                    raise ProviderError(self._name, cause, retryable=False)


class WyomingMouth:
    """A Synthesizer. One connection serves sentence after sentence while the server keeps it."""

    def __init__(self, name: str, options: MouthOptions, rate: int) -> None:
        self._name = name
        self._options = options
        self._rate = rate
        self._spare: WyomingLine | None = None

    async def warm(self) -> None:
        """See `Connected`."""
        try:
            line = await self._open()
            if self._spare is None:
                self._spare = line
            else:
                # a sentence was quicker, and has left its own
                await line.aclose()
        except ProviderError as error:
            _log.warning("speech_not_warmed", provider=self._name, cause=error.cause)

    async def aclose(self) -> None:
        """See `Connected`."""
        if self._spare is not None:
            await self._spare.aclose()

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`. Closing the iterator closes the connection: the protocol has no
        way to stop a sentence.
        """
        async with self._line() as line:
            await line.send(Event("synthesize", {"text": text, "voice": self._voice(tongue)}))
            made = False
            async for pcm in self._sound(line):
                made = True
                yield pcm
        if not made:
            raise ProviderError(self._name, f"{self._options.base_url} sent no sound")

    def _voice(self, tongue: Tongue) -> dict[str, str]:
        name = tongue.voice or self._options.voice
        if name is None:
            return {"language": tongue.language} if tongue.language else {}
        speaker = None if tongue.voice else self._options.speaker
        return {"name": name} if speaker is None else {"name": name, "speaker": speaker}

    async def _sound(self, line: WyomingLine) -> AsyncIterator[bytes]:
        resampler: Resampler | None = None
        size = 0
        while (event := await line.receive()).type != "audio-stop":
            if event.type not in ("audio-start", "audio-chunk"):
                continue
            rate = self._rate_of(event)
            if resampler is None:
                resampler = Resampler(rate, self._rate, "HQ")
            size += len(event.payload)
            if size > rate * 2 * LONGEST:
                cause = f"{self._options.base_url} sends sound without an end: given up"
                raise ProviderError(self._name, cause, retryable=False)
            if event.payload and (pcm := resampler.feed(event.payload)):
                yield pcm
        if resampler is not None and (last := resampler.finish()):
            yield last

    def _rate_of(self, event: Event) -> int:
        rate, width, channels = (event.data.get(key) for key in ("rate", "width", "channels"))
        known = isinstance(rate, int) and 4_000 <= rate <= 192_000
        if not known or (width, channels) != (2, 1) or len(event.payload) % 2:
            cause = f"{self._options.base_url} sends {rate} Hz, {width} bytes a sample, "
            cause += f"{channels} channels; mono of 2 bytes is wanted"
            raise ProviderError(self._name, cause, retryable=False)
        assert isinstance(rate, int)
        return rate

    async def _open(self) -> WyomingLine:
        options = self._options
        return await WyomingLine.open(self._name, options.base_url, options.silence_seconds)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[WyomingLine]:
        """The spare connection, or a new one; kept for the next sentence if all went well."""
        line, self._spare = self._spare, None
        # a server that closed it says so with the loop's next round
        await asyncio.sleep(0)
        if line is not None and not line.usable:
            await line.aclose()
            line = None
        line = line or await self._open()
        try:
            yield line
        except BaseException:  # cancelled in an exchange: what still comes is not the next one's
            await line.aclose()
            raise
        if self._spare is None and line.usable:
            self._spare = line
        else:
            await line.aclose()
