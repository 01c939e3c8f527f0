"""vosk in this process: streaming ears from a model that you bring (`sipagent[vosk]`)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.errors import ProviderError
from sipagent.media.frames import Frame, frame_bytes

from ..kit import Kit, Options, checked
from .extras import Extra, existing

ENGINE = Extra("vosk", "vosk", "sipagent.providers.vendors.vosk_engine")
#: frames that are recognised in one go: 200 ms
_TOGETHER = 10
_log = structlog.get_logger()


class VoskOptions(BaseModel):
    """Keys of `kind: vosk`. Relative paths are seen from where the server was started."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: Path = Field(description="folder of a model; nothing is downloaded")
    grammar: bool = Field(
        default=False, description="hear nothing but the phrases that are expected, if there are"
    )


def preload() -> None:
    """See `Late`: the library before the first fork, a model by each call that hears with it."""
    ENGINE.preload()


def ears(kit: Kit, name: str, raw: Options) -> "VoskEars":
    """See `Late`. Raises ProviderError."""
    options = checked(VoskOptions, name, raw)
    ENGINE.check(name)
    existing(name, "model", options.model, folder=True)
    return VoskEars(name, options, kit.rate)


class VoskEars:
    """A Transcriber. Audio is recognised in a thread while it is spoken, with partials. The model
    is loaded while the phone rings, and takes its memory for each call.
    """

    def __init__(self, name: str, options: VoskOptions, rate: int) -> None:
        self._name = name
        self._options = options
        self._rate = rate
        self._loading = asyncio.Lock()
        self._model: Any = None

    async def warm(self) -> None:
        """See `Connected`."""
        try:
            await self._load()
        except ProviderError as error:
            _log.warning("speech_not_warmed", provider=self._name, cause=error.cause)

    async def aclose(self) -> None:
        """See `Connected`."""
        self._model = None

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`."""
        engine = await self._load()
        phrases = expected.phrases if self._options.grammar else ()
        recogniser = await self._run(engine.recogniser, self._model, self._rate, phrases)
        before = ""
        texts: list[str] = []
        async for pcm in _gathered(audio, frame_bytes(self._rate) * _TOGETHER):
            ended, told = await self._run(engine.feed, recogniser, pcm)
            if ended:
                texts.append(_text(told, "text"))
            so_far = " ".join(filter(None, [*texts, _text(told, "partial")]))
            if so_far != before:
                before = so_far
                yield Transcript(so_far, final=False)
        texts.append(_text(await self._run(engine.finish, recogniser), "text"))
        yield Transcript(" ".join(filter(None, texts)), final=True)

    async def _run(self, function: Any, *arguments: Any) -> Any:
        try:
            return await asyncio.to_thread(function, *arguments)
        except Exception as error:
            # vosk raises nothing more particular
            raise ProviderError(self._name, f"vosk failed: {error}", retryable=False) from error

    async def _load(self) -> Any:
        engine = ENGINE.load(self._name)
        async with self._loading:
            if self._model is None:
                try:
                    self._model = await asyncio.to_thread(engine.load, self._options.model)
                except Exception as error:
                    # as above
                    cause = f"{self._options.model} cannot be loaded: {error}"
                    raise ProviderError(self._name, cause, retryable=False) from error
        return engine


async def _gathered(audio: AsyncIterator[Frame], size: int) -> AsyncIterator[bytes]:
    """Frames, several at a time."""
    pcm = b""
    async for frame in audio:
        pcm += frame.pcm
        if len(pcm) >= size:
            yield pcm
            pcm = b""
    if pcm:
        yield pcm


def _text(told: str, key: str) -> str:
    found = json.loads(told).get(key, "")
    # what is outside of a grammar
    return " ".join(word for word in str(found).split() if word != "[unk]")
