"""AnswerWatch: who answered, a person, a machine or a fax? Pure; fed frame by frame.

A person says "hello?" and waits. A machine greets for longer, and then beeps.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .frames import FRAME_MS
from .pitch import PitchWatch, Tone

Answered = Literal["human", "machine", "fax", "unknown"]
_VOICE = 0.5
#: a beep, Hz and ms; ITU-T T.30 tones with their tolerance: CED answers, CNG calls
_BEEP, _BEEP_MS = (400.0, 2000.0), 100
_FAX = {"CED": (2085.0, 2115.0), "CNG": (1062.0, 1138.0)}
_FAX_MS = 400
#: Hz; no exchange, mailbox or fax signals beyond
_SIGNALS = (350.0, 2150.0)
#: a word is so much louder than the quietest of what was said lately, for so long (ms)
_LOUD, _WORD_MS, _GAP_MS = 4.0, 100, 60


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """Milliseconds. A greeting of `machine_voice_ms` or `machine_words` is a machine's;
    one that is followed by `end_silence_ms` before is a person's.
    """

    initial_ms: int = 4500
    end_silence_ms: int = 1000
    machine_voice_ms: int = 1250
    machine_words: int = 6
    #: silence after a machine's greeting that means it listens, where it does not beep
    ready_ms: int = 2000
    fax: Literal["CED", "CNG"] | None = "CED"
    machines: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """Who it is, and on what evidence."""

    answered: Answered
    evidence: str


class AnswerWatch:
    """`finding` is None while it is open; `ready` is how a machine showed that it listens now:
    "beep", "silence", or "" while it does not.
    """

    def __init__(self, rate: int, rules: AnswerRules | None = None) -> None:
        self.finding: Finding | None = None
        self.ready = ""
        self.voiced_ms = 0
        self._rules = rules or AnswerRules()
        self._pitch = PitchWatch(rate)
        self._words = _Words()
        self._tone: Tone | None = None
        self._quiet_ms = 0

    @property
    def words(self) -> int:
        """Words heard so far, roughly."""
        return self._words.count

    def frame(self, pcm: bytes, probability: float) -> None:
        """One more frame of what the answerer says, and how likely it is speech."""
        before, self._tone = self._tone, self._pitch.frame(pcm)
        if self._tone is not None and not _SIGNALS[0] <= self._tone.hertz <= _SIGNALS[1]:
            self._tone = None
        voice = probability >= _VOICE and self._tone is None
        self.voiced_ms += FRAME_MS * voice
        self._quiet_ms = 0 if voice or self._tone else self._quiet_ms + FRAME_MS
        self._words.frame(pcm, voice)
        if self._is_fax():
            self.finding = Finding("fax", f"{self._rules.fax} tone")
        elif self._rules.machines:
            # a beep is over when it stops: before that, nothing is recorded
            if self._tone is None and before is not None and _is_beep(before):
                self.ready = "beep"
                self._found("machine", f"beep of {before.hertz:.0f} Hz")
            self._greeting()

    def _greeting(self) -> None:
        rules = self._rules
        if self.finding is not None:
            if not self.ready and self._quiet_ms >= rules.ready_ms:
                self.ready = "silence"
        elif self.voiced_ms >= rules.machine_voice_ms:
            self._found("machine", f"{self.voiced_ms} ms of voice")
        elif self.words >= rules.machine_words:
            self._found("machine", f"{self.words} words")
        elif self.voiced_ms >= _WORD_MS and self._quiet_ms >= rules.end_silence_ms:
            self._found("human", f"{self.voiced_ms} ms of voice, then silence")
        elif self.voiced_ms < _WORD_MS and self._quiet_ms >= rules.initial_ms:
            self._found("unknown", f"no voice in {self._quiet_ms} ms")

    def _found(self, answered: Answered, evidence: str) -> None:
        if self.finding is None:
            self.finding = Finding(answered, evidence)

    def _is_fax(self) -> bool:
        tone = self._tone
        if self._rules.fax is None or tone is None or tone.ms < _FAX_MS:
            return False
        low, high = _FAX[self._rules.fax]
        return low <= tone.hertz <= high


def _is_beep(tone: Tone) -> bool:
    return tone.ms >= _BEEP_MS and _BEEP[0] <= tone.hertz <= _BEEP[1]


class _Words:
    """Counts bursts of loudness in what is voice."""

    def __init__(self) -> None:
        self.count = 0
        self._loud_ms = 0
        self._gap_ms = _GAP_MS
        self._peak = 0.0

    def frame(self, pcm: bytes, voice: bool) -> None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        level = float(np.sqrt(np.mean(samples**2)))
        self._peak = max(level, self._peak * 0.99) if voice else self._peak * 0.99
        if voice and level >= self._peak / _LOUD:
            self._gap_ms = 0
            self._loud_ms += FRAME_MS
            if self._loud_ms == _WORD_MS:
                self.count += 1
        else:
            self._gap_ms += FRAME_MS
            if self._gap_ms >= _GAP_MS:
                self._loud_ms = 0
