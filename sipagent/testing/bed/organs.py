"""Ears, mind and mouth of the bed: instant and known to the sample, so only the agent counts."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache

import numpy as np

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import (
    OWN_TONGUE,
    Awaited,
    Expectation,
    Say,
    Tongue,
    ToolCall,
    Transcript,
)
from sipagent.call.services import SpeechDetector
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.testing.voice import speak
from sipagent.tools.spec import ToolSpec

from .knowing import Known

_FRAME = 320  # bytes of 20 ms at 8 kHz
#: frames quieter than this share of the loudest are no part of the mouth's words
_QUIET = 0.05
#: digital silence this long says nothing more to a detector
_SILENT_FRAMES = 20


class KnowingEars:
    """A Transcriber that knows what the caller says, by the media clock of the frames."""

    def __init__(self, known: Known) -> None:
        self._known = known

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`."""
        told, now = "", 0
        async for frame in audio:
            now = frame.t + FRAME_MS
            partial = self._known.partial(now)
            if partial != told:
                told = partial
                yield Transcript(partial, final=False)
        yield Transcript(self._known.final(now), final=True, confidence=1.0)


class SteadyMind:
    """A Brain that says the same to everything."""

    def __init__(self, says: str, awaits: Awaited) -> None:
        self._says = says
        self._expectation = Expectation(awaits=awaits)

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self._expectation

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall]:
        """See `Brain`."""
        if conversation.last is not None and conversation.last.role == "caller":
            yield Say(self._says)


class PlainMouth:
    """A Synthesizer at 8 kHz: word after word in espeak-ng's voice, without a gap, so that silence
    on the wire is never its own and every frame is known beforehand.
    """

    def __init__(self, voice: str = "en-us") -> None:
        self._voice = voice

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        for word in text.split():
            yield spoken_word(word, self._voice)

    def sound(self, text: str) -> bytes:
        """What `synthesize` makes of a text, in whatever pieces it comes."""
        return b"".join(spoken_word(word, self._voice) for word in text.split())


class SparingDetector:
    """A SpeechDetector that does not run the other one on long digital silence."""

    def __init__(self, make: Callable[[], SpeechDetector]) -> None:
        self._make = make
        self._detector = make()
        self._silent = 0

    def probability(self, pcm: bytes) -> float:
        """See `SpeechDetector`."""
        if pcm.count(0) == len(pcm):
            self._silent += 1
            if self._silent > _SILENT_FRAMES:
                return 0.0
        else:
            if self._silent > _SILENT_FRAMES:
                self._detector = self._make()
            self._silent = 0
        return self._detector.probability(pcm)


@cache
def spoken_word(word: str, voice: str) -> bytes:
    """A word as whole 20 ms frames, none of them quiet."""
    pcm = speak(word, voice)
    frames = [pcm[at : at + _FRAME] for at in range(0, len(pcm) - _FRAME + 1, _FRAME)]
    peaks = [int(np.abs(np.frombuffer(frame, "<i2").astype(np.int32)).max()) for frame in frames]
    loudest = max(peaks, default=0)
    return b"".join(f for f, peak in zip(frames, peaks, strict=True) if peak > loudest * _QUIET)
