"""Events of the floor: who speaks, what was said, who gave way, and when a turn was over."""

from typing import Literal

from .base import Base, Personal, Speaker


class SpeechStarted(Base):
    """Voice activity began (caller), or the first sample of an utterance was played (agent)."""

    type: Literal["speech_started"] = "speech_started"
    speaker: Speaker


class SpeechEnded(Base):
    """Voice activity ended, or the last sample of an utterance was played."""

    type: Literal["speech_ended"] = "speech_ended"
    speaker: Speaker


class Interim(Base):
    """Words of a turn that is not over, which may change: what the ears guess, or what the agent
    is saying. Only for who follows the events of all calls at that moment; no record keeps it.
    """

    type: Literal["interim"] = "interim"
    speaker: Speaker
    text: Personal
    start: int


class Said(Base):
    """One side's turn as text. For the agent only what was heard; `unheard` is what was cut."""

    type: Literal["said"] = "said"
    speaker: Speaker
    text: Personal
    unheard: Personal = ""
    start: int
    end: int
    confidence: float | None = None
    interrupted: bool = False


class BargeIn(Base):
    """What was decided when the caller spoke over the agent, and on what evidence.

    "ignored" is our own voice that came back. Measured since `onset` (media-clock ms): ms from the
    first voice to the last and of voice in them, the detector's mean probability, mean level,
    and the greatest correlation with what we had played `lag_ms` before.
    """

    type: Literal["barge_in"] = "barge_in"
    decision: Literal["paused", "resumed", "stopped", "ignored"]
    evidence: str
    words: Personal = ""
    played_ms: int = 0
    onset: int | None = None
    spoken_ms: int = 0
    voiced_ms: int = 0
    probability: float | None = None
    level_db: float | None = None
    echo: float | None = None
    lag_ms: int | None = None


class TurnEnded(Base):
    """The caller's turn is over: `silence_ms` after the voice (or the last key), by which rule and
    on what evidence. `words` is the newest guess at them at that moment.
    """

    type: Literal["turn_ended"] = "turn_ended"
    turn: int
    reason: Literal["silence", "complete", "patient", "too_long", "keys", "text"]
    rule: str
    evidence: str
    silence_ms: int
    voiced_ms: int = 0
    words: Personal = ""


class SoundPlayed(Base):
    """The plan played something, `port` says for which step, and this is over: `whole` says whether
    all of it was played. `url` is as in the plan, without user, password and query: of `say:` it
    holds the words. Times on the media clock, ms.
    """

    type: Literal["sound_played"] = "sound_played"
    port: str
    url: Personal
    start: int
    end: int
    whole: bool = True
