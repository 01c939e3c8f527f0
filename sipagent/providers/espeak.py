"""The embedded mouth: espeak-ng speech at the bridge's rate, at one loudness for every voice."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import lru_cache

import numpy as np

from sipagent.agent.protocols import OWN_TONGUE, Tongue
from sipagent.errors import ProviderError
from sipagent.media.resample import Resampler

from .espeak_engine import RATE, EspeakEngine

#: rms of speech (pauses left out): -20 dBFS
LOUDNESS = 3277.0
#: a sentence has an end; text beyond this is cut by the caller's sentence splitter, or refused
MAX_CHARACTERS = 5_000
_SAMPLE = "The quick brown fox jumps over the lazy dog, and nobody was surprised."
_WINDOW = RATE // 50


@lru_cache(maxsize=1)
def engine() -> EspeakEngine:
    """The process's one library; called before the fork, children share it."""
    return EspeakEngine()


class EspeakMouth:
    """A Synthesizer. `speed` is in words a minute, `pitch` 0..100, `volume` in dB."""

    def __init__(
        self,
        rate: int,
        voice: str = "en-us",
        *,
        speed: int = 160,
        pitch: int = 50,
        volume: float = 0.0,
    ) -> None:
        for name, value, low, high in (
            ("speed", speed, 80, 450),
            ("pitch", pitch, 0, 100),
            ("volume", volume, -60, 12),
        ):
            if not low <= value <= high:
                cause = f"{name} {value} is not between {low} and {high}"
                raise ProviderError("espeak", cause, retryable=False)
        self._rate = rate
        self._own = voice
        self._speed = speed
        self._pitch = pitch
        self._volume = 10 ** (volume / 20)
        # found out now, not before the first word
        _gain(engine().check(voice), speed, pitch)

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """PCM of one sentence, in the language of the tongue where there is a voice for it.
        Closing the iterator stops the synthesis within one piece.

        Raises ProviderError.
        """
        if len(text) > MAX_CHARACTERS:
            cause = f"more than {MAX_CHARACTERS} characters at once"
            raise ProviderError("espeak", cause, retryable=False)
        if not text.strip():
            return
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        closed = threading.Event()
        voice = _voice(self._own, tongue)
        factor = _gain(voice, self._speed, self._pitch) * self._volume
        resampler = Resampler(RATE, self._rate, "HQ")

        def deliver(pcm: bytes | None) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, pcm)

        def sink(pcm: bytes) -> bool:
            deliver(resampler.feed(_levelled(pcm, factor)))
            return not closed.is_set()

        def work() -> None:
            try:
                if not closed.is_set():
                    engine().speak(text, voice, self._speed, self._pitch, sink)
                    deliver(resampler.finish())
            finally:
                deliver(None)

        # Off the loop: a long sentence takes milliseconds, and others may have the library.
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            while (piece := await pieces.get()) is not None:
                if piece:
                    yield piece
            await task
        finally:
            closed.set()
            await asyncio.wait([task])


def _levelled(pcm: bytes, factor: float) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2") * factor
    return np.clip(samples, -32_768, 32_767).astype("<i2").tobytes()


@lru_cache(maxsize=64)
def _voice(own: str, tongue: Tongue) -> str:
    """The library's name of the voice that is named, or speaks the language; else of `own`."""
    code = tongue.language.lower()
    wanted = [tongue.voice]
    if code.partition("-")[0] != own.lower().partition("-")[0]:
        wanted += [code, code.partition("-")[0]]
    for name in filter(None, wanted):
        try:
            return engine().check(name)
        except ProviderError:
            # the voice of another vendor, or a language that is not spoken here
            continue
    return engine().check(own)


@lru_cache(maxsize=64)
def _gain(identifier: str, speed: int, pitch: int) -> float:
    """What brings a voice to LOUDNESS, found by having it say a sentence (about 5 ms, once)."""
    pieces: list[bytes] = []

    def sink(pcm: bytes) -> bool:
        pieces.append(pcm)
        return True

    engine().speak(_SAMPLE, identifier, speed, pitch, sink)
    samples = np.frombuffer(b"".join(pieces), dtype="<i2").astype(np.float64)
    windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    power = (windows**2).mean(axis=1)
    # 20 dB below the loudest window counts as a pause.
    loud = power[power > power.max() / 100]
    return float(LOUDNESS / np.sqrt(loud.mean()))
