"""Scripted ears, mind and mouth: faults included, every word of speech told apart by its level."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sipagent.agent.conversation import Conversation, Message
from sipagent.agent.protocols import (
    OWN_TONGUE,
    Expectation,
    Say,
    Sound,
    Spoken,
    Tongue,
    ToolCall,
    Transcript,
    Used,
)
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.tools.spec import ToolSpec

#: something going wrong: an error to raise, or seconds to be late (math.inf: for ever)
Fault = Exception | float


async def _suffer(fault: Fault | None) -> None:
    if isinstance(fault, Exception):
        raise fault
    if fault == float("inf"):
        await asyncio.get_running_loop().create_future()
    if fault is not None:
        await asyncio.sleep(fault)


def _peak(pcm: bytes) -> int:
    return int(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max(initial=0))


class LoudnessVad:
    """A SpeechDetector that takes anything loud for speech."""

    def __init__(self, threshold: int = 1000) -> None:
        self._threshold = threshold

    def probability(self, pcm: bytes) -> float:
        """1 when the frame's peak reaches the threshold, else 0."""
        if pcm.count(0) == len(pcm):
            return 0.0
        return 1.0 if _peak(pcm) >= self._threshold else 0.0


@dataclass(frozen=True, slots=True)
class Partial:
    """A guess that comes once `after_ms` of audio were heard since the first loud frame."""

    after_ms: int
    text: str
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What the ears make of one utterance: its text, or a `sound` that the mind hears itself."""

    text: str
    partials: tuple[Partial, ...] = ()
    confidence: float | None = None
    fault: Fault | None = None
    sound: Sound | None = None


class ScriptedEars:
    """A Transcriber with a text for every utterance to come; silence (no words) after the last."""

    def __init__(self, *lines: str | Line) -> None:
        script = [Line(line) if isinstance(line, str) else line for line in lines]
        self.gives_partials = any(line.partials for line in script)
        self._lines: Iterator[Line] = iter(script)
        #: the frames and the expectation of every utterance, newest last
        self.heard: list[list[Frame]] = []
        self.expected: list[Expectation] = []

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`."""
        line = next(self._lines, Line(""))
        frames: list[Frame] = []
        self.heard.append(frames)
        self.expected.append(expected)
        partials = list(line.partials)
        loud_ms = 0
        async for frame in audio:
            frames.append(frame)
            if loud_ms or _peak(frame.pcm):
                loud_ms += FRAME_MS
            while partials and partials[0].after_ms <= loud_ms:
                partial = partials.pop(0)
                yield Transcript(partial.text, final=False, complete=partial.complete)
        await _suffer(line.fault)
        yield Transcript(line.text, final=True, confidence=line.confidence, sound=line.sound)


Part = Say | Spoken | ToolCall | Used
Reply = Sequence[Part | Fault] | str


class ScriptedBrain:
    """A Brain with a reply for every turn to come, then `default` for ever.

    A reply is a text, or a sequence of parts and faults (a number is seconds of delay).
    """

    def __init__(
        self, *replies: Reply, default: Reply | Callable[[Conversation], Reply] = "Yes."
    ) -> None:
        self._replies = iter(replies)
        self._default = default
        self.expectation = Expectation()
        #: the history as it stood at every reply, and the tools that were offered
        self.saw: list[tuple[Message, ...]] = []
        self.offered: list[tuple[str, ...]] = []
        #: the system prompts, likewise
        self.prompts: list[str] = []
        self.cancelled = 0

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self.expectation

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Part]:
        """See `Brain`."""
        self.saw.append(tuple(conversation.messages))
        self.prompts.append(conversation.prompt)
        self.offered.append(tuple(tool.name for tool in tools))
        reply = next(self._replies, None)
        if reply is None:
            reply = self._default(conversation) if callable(self._default) else self._default
        try:
            for part in [Say(reply)] if isinstance(reply, str) else reply:
                if isinstance(part, Part):
                    yield part
                else:
                    await _suffer(part)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class BeepMouth:
    """A Synthesizer: every word is a square wave whose level names the word.

    `words_in` reads heard PCM back as words with their lengths, exact to the sample.
    """

    _FIRST, _STEP = 2000, 16

    def __init__(
        self,
        *,
        rate: int = 8000,
        ms_per_word: int = 100,
        chunk_ms: int = 60,
        faults: Sequence[Fault | None] = (),
    ) -> None:
        self.rate = rate
        self.ms_per_word = ms_per_word
        #: the sentences asked for, and the tongue of each
        self.sentences: list[str] = []
        self.tongues: list[Tongue] = []
        self._words: list[str] = []
        self._chunk = rate * chunk_ms // 1000 * 2
        self._faults = iter(faults)

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        self.sentences.append(text)
        self.tongues.append(tongue)
        await _suffer(next(self._faults, None))
        pcm = self.sound(text)
        for start in range(0, len(pcm), self._chunk):
            yield pcm[start : start + self._chunk]

    def sound(self, text: str) -> bytes:
        """A whole text."""
        return b"".join(self._beep(word) for word in text.split())

    def words_in(self, pcm: bytes) -> list[tuple[str, float]]:
        """The words heard in PCM and for how many ms each; silence is left out. The same word
        twice in a row is one long one.
        """
        levels = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
        heard: list[tuple[str, float]] = []
        starts = np.flatnonzero(np.diff(levels, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(levels)], strict=True):
            index, odd = divmod(int(levels[start]) - self._FIRST, self._STEP)
            if not odd and 0 <= index < len(self._words):
                heard.append((self._words[index], (end - start) * 1000 / self.rate))
        return heard

    def text_in(self, pcm: bytes) -> str:
        """The words heard, in any length."""
        return " ".join(word for word, _ in self.words_in(pcm))

    def _beep(self, word: str) -> bytes:
        if word not in self._words:
            self._words.append(word)
        level = self._FIRST + self._STEP * self._words.index(word)
        pair = np.array([level, -level], "<i2")
        return bytes(np.resize(pair, self.rate * self.ms_per_word // 1000).tobytes())
