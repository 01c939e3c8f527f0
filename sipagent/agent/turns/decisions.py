"""What a TurnMachine decides, with the evidence."""

from dataclasses import dataclass

from .rules import EndReason


@dataclass(frozen=True, slots=True)
class SpeechOnset:
    """The caller speaks since `t`. `first` is False when it goes on after a gap in one turn."""

    t: int
    first: bool


@dataclass(frozen=True, slots=True)
class SpeechOffset:
    """The caller's voice stopped at `t`; the turn may still go on."""

    t: int


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key came; `first` of its turn."""

    t: int
    key: str
    first: bool


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The turn is over since `t`. `speech_end` is when the voice stopped, `voiced_ms` how much of
    it there was from first to last; `digits` are the keys of a turn that was typed. `rule` and
    `evidence` tell why, without what was said; `words` is the newest partial.
    """

    t: int
    reason: EndReason
    speech_end: int
    voiced_ms: int = 0
    digits: str = ""
    rule: str = ""
    evidence: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """There was no turn after all: what was heard since its onset is to be forgotten."""

    t: int


TurnDecision = SpeechOnset | SpeechOffset | KeyPressed | EndOfTurn | Withdrawn
