"""faster-whisper in this process: ears from a model that you bring (`sipagent[whisper]`)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.media.resample import Resampler

from ..kit import Kit, Options, checked
from .extras import Extra, existing

ENGINE = Extra("whisper", "faster_whisper", "sipagent.providers.vendors.faster_whisper_engine")
#: what whisper listens to, Hz
RATE = 16_000
#: of one utterance
_LONGEST_SECONDS = 120
_log = structlog.get_logger()


class WhisperOptions(BaseModel):
    """Keys of `kind: faster_whisper`. Relative paths are seen from where the server was
    started.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: Path = Field(description="folder of a CTranslate2 model; nothing is downloaded")
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    compute_type: str = "int8"
    cpu_threads: int = Field(default=2, ge=1, le=64)
    beam_size: int = Field(default=1, ge=1, le=10)
    language: str | None = Field(default=None, description="default: the agent's, else found out")


def preload() -> None:
    """See `Late`: the library before the first fork, a model by each call that hears with it."""
    ENGINE.preload()


def ears(kit: Kit, name: str, raw: Options) -> "WhisperEars":
    """See `Late`. Raises ProviderError."""
    options = checked(WhisperOptions, name, raw)
    ENGINE.check(name)
    existing(name, "model", options.model, folder=True)
    existing(name, "model", options.model / "model.bin", folder=False)
    return WhisperEars(name, options, kit)


class WhisperEars:
    """A Transcriber: an utterance is recognised, in a thread, when it is whole. The model is
    loaded while the phone rings, and takes its memory for each call.
    """

    gives_partials = False

    def __init__(self, name: str, options: WhisperOptions, kit: Kit) -> None:
        self._name = name
        self._options = options
        self._rate = kit.rate
        self._language = options.language or kit.language
        self._hints: Callable[[Expectation], tuple[str, ...]] = kit.hints
        #: one recognition at a time: two would only share the processor
        self._working = asyncio.Lock()
        self._model: Any = None

    async def warm(self) -> None:
        """See `Connected`."""
        try:
            async with self._working:
                await self._load()
        except ProviderError as error:
            _log.warning("speech_not_warmed", provider=self._name, cause=error.cause)

    async def aclose(self) -> None:
        """See `Connected`."""
        self._model = None

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`. No partials: whisper hears whole utterances."""
        resampler = Resampler(self._rate, RATE, "HQ")
        pcm = bytearray()
        async for frame in audio:
            if len(pcm) < _LONGEST_SECONDS * RATE * 2:
                pcm += resampler.feed(frame.pcm)
        pcm += resampler.finish()
        if not pcm:
            return
        language = (expected.language or self._language).partition("-")[0].lower()
        async with self._working:
            text = await self._recognised(bytes(pcm), language, ", ".join(self._hints(expected)))
        yield Transcript(text, final=True)

    async def _recognised(self, pcm: bytes, language: str, hints: str) -> str:
        engine = await self._load()
        work = asyncio.to_thread(
            engine.recognise, self._model, pcm, language or None, hints or None, self._options
        )
        try:
            text: str = await work
        except (RuntimeError, ValueError) as error:
            raise ProviderError(self._name, f"faster-whisper failed: {error}") from error
        return text

    async def _load(self) -> Any:
        engine = ENGINE.load(self._name)
        if self._model is None:
            try:
                self._model = await asyncio.to_thread(engine.load, self._options)
            except Exception as error:
                # ctranslate2's errors have no common base but this
                cause = f"{self._options.model} cannot be loaded: {error}"
                raise ProviderError(self._name, cause, retryable=False) from error
        return engine
