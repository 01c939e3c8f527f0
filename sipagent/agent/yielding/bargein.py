"""BargeIn: the caller speaks over the agent. Pause at once, resume or stop on evidence. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

#: what people say to show that they listen, not that they want to speak
BACKCHANNELS = frozenset(
    {
        "ah", "aha", "alright", "hm", "hmm", "i see", "mhm", "mm", "mm hm", "mm hmm", "mmm", "oh",
        "ok", "okay", "right", "sure", "uh", "uh huh", "uh uh", "um", "yeah", "yep", "yes",
    }
)  # fmt: skip
_NO_WORD = re.compile(r"[^\w']+")


def plain(text: str) -> str:
    """Lower case, words only, one space between them."""
    return _NO_WORD.sub(" ", text.lower()).strip()


def is_backchannel(text: str) -> bool:
    """True for "mm-hmm", "okay", "yeah, right": nothing but signs of listening."""
    words = plain(text)
    return words in BACKCHANNELS or (
        bool(words) and all(word in BACKCHANNELS for word in words.split())
    )


class GiveWayState(StrEnum):
    """How far the agent has given way."""

    HOLDING = "holding"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class GiveWay:
    """What to do about the agent's speech, on what evidence; `words` is personal data."""

    decision: Literal["paused", "resumed", "stopped"]
    evidence: str
    words: str = ""


class BargeInMachine:
    """`min_words` are needed to stop at once; speech of `decide_ms` stops with or without words.

    `answers` is True while the agent has asked something to which a backchannel is an answer.
    """

    def __init__(self, *, min_words: int = 1, decide_ms: int = 500) -> None:
        self.state = GiveWayState.HOLDING
        self.answers = False
        self._min_words = min_words
        self._decide_ms = decide_ms
        self._onset = 0
        self._words = ""

    @property
    def paused(self) -> bool:
        """True while it is not decided whether the agent goes on."""
        return self.state is GiveWayState.PAUSED

    def onset(self, t: int) -> GiveWay:
        """Speech since `t` while the agent speaks: fall silent first, decide later."""
        self.state = GiveWayState.PAUSED
        self._onset = t
        self._words = ""
        return GiveWay("paused", "speech onset")

    def words(self, text: str) -> GiveWay | None:
        """The newest guess at what the caller is saying."""
        if not self.paused:
            return None
        self._words = text
        if len(plain(text).split()) >= self._min_words and self._counts(text):
            return self._settle("stopped", "words")
        return None

    def voice(self, voice_end: int) -> GiveWay | None:
        """The caller is speaking, heard up to `voice_end`."""
        spoken = voice_end - self._onset
        if not self.paused or spoken < self._decide_ms:
            return None
        return self._settle("stopped", f"speech of {spoken} ms")

    def offset(self, t: int) -> GiveWay | None:
        """The caller's voice ended at `t` before anything was decided."""
        if not self.paused:
            return None
        kind = "a backchannel" if plain(self._words) else "no words"
        return self._settle("resumed", f"{kind} in {t - self._onset} ms of speech")

    def late_words(self, text: str) -> GiveWay | None:
        """The whole turn as text, after the agent has gone on; None where it may go on still."""
        if len(plain(text).split()) < self._min_words or not self._counts(text):
            return None
        self._words = text
        return self._settle("stopped", "words of the whole turn")

    def key(self) -> GiveWay:
        """A key was pressed while the agent spoke."""
        self._words = ""
        return self._settle("stopped", "key")

    def reset(self) -> None:
        """The agent's speech is over for another reason."""
        self.state = GiveWayState.HOLDING

    def _counts(self, text: str) -> bool:
        return bool(plain(text)) and (self.answers or not is_backchannel(text))

    def _settle(self, decision: Literal["resumed", "stopped"], evidence: str) -> GiveWay:
        self.state = GiveWayState.HOLDING
        return GiveWay(decision, evidence, self._words)
