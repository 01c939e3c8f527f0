"""Talk: what a caller says and when: a phrase, what the other side answers to it, a pause."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from sipagent.testing import audio
from sipagent.testing.rtp import FRAME_SAMPLES, FRAME_SECONDS
from sipagent.testing.track import SPEECH_LEVEL
from sipagent.testing.voice import speak

#: the far end has finished when it was silent for so long, seconds
QUIET_SECONDS = 0.7
#: a caller who gets no answer says the next thing after so long, seconds
PATIENCE_SECONDS = 6.0
#: between the end of what was heard and what is said next, seconds
_THINKS = (0.2, 1.2)

SILENCE = audio.encode("PCMU", bytes(2 * FRAME_SAMPLES))


class State(Enum):
    """What a caller does; each state leads to the next, and the last to the first."""

    LISTENING = auto()
    THINKING = auto()
    SPEAKING = auto()


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said, as payloads of 20 ms PCMU; `ends` is where its last loud frame ends, seconds
    from its beginning.
    """

    frames: tuple[bytes, ...]
    ends: float


class Talk:
    """One caller's side of a conversation. Times are seconds on one clock.

    Who speaks `first` says something when nobody does; others only once they were spoken to.
    """

    def __init__(self, phrases: Sequence[Phrase], dice: random.Random, *, first: bool) -> None:
        self.state = State.LISTENING
        #: seconds from the end of each phrase that was answered to the beginning of its answer
        self.answers: list[float] = []
        self.said = 0
        self.unanswered = 0
        #: since when it listens, from the end of what it said itself on
        self.since = 0.0
        self._phrases = phrases
        self._dice = dice
        self._first = first
        self._answered = True
        self._frames: Sequence[bytes] = ()
        self._position = 0
        self._speaks_at = 0.0

    def begin(self, now: float) -> None:
        """The call is up."""
        self.since = now

    def next(self, now: float) -> bytes:
        """The payload of the next 20 ms."""
        if self.state is State.THINKING and now >= self._speaks_at:
            self._speak(now)
        if self.state is not State.SPEAKING:
            return SILENCE
        frame = self._frames[self._position]
        self._position += 1
        if self._position == len(self._frames):
            self.state = State.LISTENING
        return frame

    def hear(self, first: float, last: float, now: float) -> None:
        """When the far end's speech since `since` began (infinite while there is none), and when
        it was last heard.
        """
        if self.state is not State.LISTENING:
            return
        heard = last > self.since
        if heard and not self._answered and first < math.inf:
            self._answered = True
            self.answers.append(first - self.since)
        if now - max(last, self.since) < (QUIET_SECONDS if heard else PATIENCE_SECONDS):
            return
        if heard or self._first or self.said:
            self.unanswered += not self._answered
            self.state = State.THINKING
            self._speaks_at = now + self._dice.uniform(*_THINKS)

    def _speak(self, now: float) -> None:
        phrase = self._phrases[self.said % len(self._phrases)]
        self.state = State.SPEAKING
        self.said += 1
        self.since = now + phrase.ends
        self._answered = False
        self._frames, self._position = phrase.frames, 0


@cache
def phrase(text: str, voice: str = "en-us+f2") -> Phrase:
    """A sentence by the embedded mouth, ready to be sent."""
    pcm = speak(text, voice)
    size = 2 * FRAME_SAMPLES
    cut = [pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size)]
    loud = [number for number, frame in enumerate(cut) if audio.rms(frame) >= SPEECH_LEVEL]
    ends = (loud[-1] + 1 if loud else len(cut)) * FRAME_SECONDS
    return Phrase(tuple(audio.encode("PCMU", frame) for frame in cut), ends)
