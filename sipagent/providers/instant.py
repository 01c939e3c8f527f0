"""Ears, mind and mouth that answer at once with fixed words, declared as such: for `bench`."""

from collections.abc import AsyncIterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import OWN_TONGUE, Expectation, Say, Tongue, ToolCall, Transcript
from sipagent.media.frames import Frame
from sipagent.tools.spec import ToolSpec


class InstantOptions(BaseModel):
    """Keys beside `provider: instant`; ears take `hears`, minds `says`, mouths the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hears: str = "this is an instant transcript"
    says: str = "This is an instant answer."
    word_ms: int = Field(default=250, ge=20, description="length of a spoken word")


class InstantEars:
    """A Transcriber that reads the audio and, at its end, always heard the same words."""

    gives_partials = False

    def __init__(self, options: InstantOptions | None = None) -> None:
        self._text = (options or InstantOptions()).hears

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """One final transcript when the audio ends; none for an utterance without audio."""
        heard = False
        async for _ in audio:
            heard = True
        if heard:
            yield Transcript(self._text, final=True, confidence=1.0)


class InstantMind:
    """A Brain that gives every caller the same answer, and says nothing about tools."""

    def __init__(self, options: InstantOptions | None = None) -> None:
        self._text = (options or InstantOptions()).says

    def expects(self, conversation: Conversation) -> Expectation:
        """Nothing in particular."""
        return Expectation()

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall]:
        """The fixed sentence, when the caller spoke last."""
        last = conversation.last
        if last is not None and last.role == "caller":
            yield Say(self._text)


class InstantMouth:
    """A Synthesizer that hums one voiced, syllable-shaped sound a word, made once at start."""

    def __init__(self, rate: int, options: InstantOptions | None = None) -> None:
        self._word = _hum(rate, (options or InstantOptions()).word_ms)

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """One hum for each word of `text`, at the rate the mouth was built for."""
        for _ in text.split():
            yield self._word


def _hum(rate: int, ms: int) -> bytes:
    """A voice-like sound: harmonics of 120 Hz weighted around 500 Hz, swelling and fading."""
    t = np.arange(rate * ms // 1000) / rate
    tones = [(n * 120.0, np.exp(-(((n * 120.0 - 500.0) / 500.0) ** 2))) for n in range(1, 16)]
    wave = sum(weight * np.sin(2 * np.pi * f * t) for f, weight in tones)
    shaped = wave * np.sin(np.pi * np.arange(t.size) / t.size)
    return bytes((shaped / np.abs(shaped).max() * 8000).astype("<i2").tobytes())
