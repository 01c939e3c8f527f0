"""Voices: what the people of a rehearsed call say, as sound, and what ears can make of it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from math import inf

import numpy as np

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.testing.bed.render import Rendered
from sipagent.testing.legs import FarEnd

#: of a frame and what was said in it, the correlation from which on it was heard
_HEARD = 0.3
#: how late a word is in the partial text, ms
_PARTIAL_MS = 200
#: a word that ends with its turn is heard though its last frame is not quite over, ms
_SLACK_MS = 40
#: frames whose speaker is remembered: more than ears ever look back
_KEPT = 3_000


@dataclass(eq=False, slots=True)
class Utterance:
    """One thing that somebody says. `began` is media-clock ms of its first frame, None before;
    `said` is set when it is over, or cannot be said any more.
    """

    line: Rendered
    began: int | None = None
    said: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> int | None:
        """Media-clock ms of its last sound."""
        return None if self.began is None else self.began + round(self.line.end_ms)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """20 ms of an utterance."""

    utterance: Utterance
    index: int
    pcm: bytes


@dataclass(slots=True)
class Voice:
    """One person's, at the far end of a fake leg; 8 kHz."""

    far: FarEnd
    _waiting: deque[_Spoken] = field(default_factory=deque)
    _spoken: dict[int, _Spoken] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.far.around = self._around

    def say(self, line: Rendered) -> Utterance:
        """Say it after what is being said already."""
        utterance = Utterance(line)
        size = 2 * self.far.rate * FRAME_MS // 1000
        for index, start in enumerate(range(0, len(line.pcm), size)):
            pcm = line.pcm[start : start + size].ljust(size, b"\0")
            self._waiting.append(_Spoken(utterance, index, pcm))
        if not line.pcm:
            utterance.said.set()
        return utterance

    def hush(self) -> None:
        """The line is dead."""
        for spoken in self._waiting:
            spoken.utterance.said.set()
        self._waiting.clear()

    def at(self, t: int) -> _Spoken | None:
        """What was said in the frame that began at media-clock `t`."""
        return self._spoken.get(t)

    def _around(self, voice: bytes | None) -> bytes | None:
        if not self._waiting:
            return voice
        spoken = self._waiting.popleft()
        now = self.far.clock.t
        if spoken.utterance.began is None:
            spoken.utterance.began = now
        if not self._waiting or self._waiting[0].utterance is not spoken.utterance:
            spoken.utterance.said.set()
        self._spoken[now] = spoken
        if len(self._spoken) > _KEPT:
            del self._spoken[next(iter(self._spoken))]
        return spoken.pcm


class KnowingEars:
    """A Transcriber that knows the voices of its call, and tells by the sound which it hears: a
    word counts once it has been heard to its end. They never mishear.

    A partial text that is one of the phrases expected is `complete`, as the embedded ears have it.
    There is none while it `withholds` them, asked with a time on the media clock, ms.
    """

    def __init__(
        self, voices: Collection[Voice], withholds: Callable[[int], bool] = lambda t: False
    ) -> None:
        self._voices = voices
        self._withholds = withholds
        #: words that a turn has had: the next one begins a little before its onset
        self._had: set[tuple[Utterance, int]] = set()

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`."""
        heard: dict[Utterance, int] = {}
        phrases = {_plain(phrase) for phrase in expected.phrases}
        told = ""
        async for frame in audio:
            for voice in self._voices:
                spoken = voice.at(frame.t)
                if spoken is not None and _in_it(spoken.pcm, frame.pcm):
                    heard[spoken.utterance] = (spoken.index + 1) * FRAME_MS
            known = _text(self._words(heard, frame.t + FRAME_MS - _PARTIAL_MS))
            if known != told and not self._withholds(frame.t):
                told = known
                yield Transcript(known, final=False, complete=_plain(known) in phrases)
        words = self._words(heard)
        self._had.update(words)
        sure = min((said.line.confidence for said, _ in words), default=1.0)
        yield Transcript(_text(words), final=True, confidence=sure)

    def _words(
        self, heard: dict[Utterance, int], until: float = inf
    ) -> list[tuple[Utterance, int]]:
        """The words heard to their end, which no turn has had; those that ended by `until`."""
        return [
            (said, number)
            for said, so_far in heard.items()
            for number, word in enumerate(said.line.words)
            if word.end_ms <= so_far + _SLACK_MS
            and (said.began or 0) + word.end_ms <= until
            and (said, number) not in self._had
        ]


def _text(words: list[tuple[Utterance, int]]) -> str:
    return " ".join(said.line.words[number].text for said, number in words)


def _in_it(said: bytes, heard: bytes) -> bool:
    """Was it among what was heard, alone or with others?"""
    if said == heard:
        return any(said)
    one = np.frombuffer(said, "<i2").astype(np.float64)
    other = np.frombuffer(heard, "<i2").astype(np.float64)
    if one.size != other.size:
        return False
    power = float(np.sqrt((one @ one) * (other @ other)))
    return power > 0 and float(one @ other) / power >= _HEARD


def _plain(text: str) -> str:
    kept = "".join(c for c in text.lower() if c.isalnum() or c.isspace())
    return " ".join(kept.split())
