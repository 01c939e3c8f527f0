"""piper in this process: a mouth from a voice file that you bring (`sipagent[piper]`)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import OWN_TONGUE, Tongue
from sipagent.agent.streams import closing
from sipagent.errors import ProviderError
from sipagent.media.resample import Resampler

from ..kit import Kit, Options, checked
from .extras import Extra, existing
from .threads import drawn

ENGINE = Extra("piper", "piper", "sipagent.providers.vendors.piper_engine")
_log = structlog.get_logger()


class PiperOptions(BaseModel):
    """Keys of `kind: piper`. Relative paths are seen from where the server was started."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: Path = Field(description="the voice's .onnx file; its .onnx.json lies beside it")
    speaker: int | None = Field(default=None, ge=0, description="of a voice with several")
    length_scale: float | None = Field(default=None, gt=0, le=10, description="above 1: slower")
    volume: float = Field(default=1.0, gt=0, le=10)


def preload() -> None:
    """See `Late`: the library before the first fork, a voice by each call that speaks with it."""
    ENGINE.preload()


def mouth(kit: Kit, name: str, raw: Options) -> "PiperMouth":
    """See `Late`. Raises ProviderError."""
    options = checked(PiperOptions, name, raw)
    ENGINE.check(name)
    existing(name, "model", options.model, folder=False)
    existing(name, "model", Path(f"{options.model}.json"), folder=False)
    return PiperMouth(name, options, kit.rate)


class PiperMouth:
    """A Synthesizer. The voice is loaded in a thread while the phone rings: about a second."""

    def __init__(self, name: str, options: PiperOptions, rate: int) -> None:
        self._name = name
        self._options = options
        self._rate = rate
        self._loading = asyncio.Lock()
        self._voice: Any = None

    async def warm(self) -> None:
        """See `Connected`."""
        try:
            await self._loaded()
        except ProviderError as error:
            _log.warning("speech_not_warmed", provider=self._name, cause=error.cause)

    async def aclose(self) -> None:
        """See `Connected`."""
        self._voice = None

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`. A voice is one language: the tongue changes nothing."""
        voice = await self._loaded()
        engine = ENGINE.load(self._name)
        resampler: Resampler | None = None
        try:
            async with closing(drawn(lambda: engine.speak(voice, text, self._options))) as sound:
                async for rate, pcm in sound:
                    resampler = resampler or Resampler(rate, self._rate, "HQ")
                    if piece := resampler.feed(pcm):
                        yield piece
        except (RuntimeError, ValueError, OSError) as error:
            raise ProviderError(self._name, f"piper failed: {error}") from error
        if resampler is not None and (last := resampler.finish()):
            yield last

    async def _loaded(self) -> Any:
        async with self._loading:
            if self._voice is None:
                engine = ENGINE.load(self._name)
                try:
                    self._voice = await asyncio.to_thread(engine.load, self._options.model)
                except Exception as error:
                    # onnxruntime's errors have no common base but this
                    cause = f"{self._options.model} cannot be loaded: {error}"
                    raise ProviderError(self._name, cause, retryable=False) from error
            return self._voice
