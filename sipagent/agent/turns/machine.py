"""TurnMachine: whose turn is it? Pure: speech probabilities, words, keys and time in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sipagent.media.frames import FRAME_MS


class TurnState(StrEnum):
    """Where the caller's turn stands."""

    QUIET = "quiet"
    RISING = "rising"
    SPEAKING = "speaking"
    FALLING = "falling"
    TRAILING = "trailing"


#: RISING is voice not yet long enough to be speech, FALLING a gap not yet long enough to be
#: silence, TRAILING silence not yet long enough to end the turn
NEXT: dict[TurnState, frozenset[TurnState]] = {
    TurnState.QUIET: frozenset({TurnState.RISING, TurnState.SPEAKING}),
    TurnState.RISING: frozenset({TurnState.QUIET, TurnState.SPEAKING, TurnState.TRAILING}),
    TurnState.SPEAKING: frozenset({TurnState.FALLING, TurnState.QUIET}),
    TurnState.FALLING: frozenset({TurnState.SPEAKING, TurnState.TRAILING, TurnState.QUIET}),
    TurnState.TRAILING: frozenset({TurnState.RISING, TurnState.SPEAKING, TurnState.QUIET}),
}

EndReason = Literal["silence", "complete", "patient", "too_long", "keys"]


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
    it there was from first to last; `digits` are the keys of a turn that was typed.
    """

    t: int
    reason: EndReason
    speech_end: int
    voiced_ms: int = 0
    digits: str = ""


TurnDecision = SpeechOnset | SpeechOffset | KeyPressed | EndOfTurn


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Probabilities 0..1 and milliseconds. Two thresholds, so that a level between them changes
    nothing; a gap shorter than `offset_ms` is not even an end of speech.
    """

    end_of_turn_ms: int = 500
    complete_ms: int = 350
    patient_ms: int = 1200
    threshold: float = 0.5
    release: float = 0.35
    onset_ms: int = 40
    offset_ms: int = 200
    longest_ms: int = 60_000
    key_pause_ms: int = 1200
    last_key: str = "#"


class TurnMachine:
    """Fed every 20 ms frame and every key. `patient` and `complete` change the end of the turn
    that runs; all times are media-clock ms.
    """

    def __init__(self, rules: TurnRules | None = None) -> None:
        self.rules = rules or TurnRules()
        self.state = TurnState.QUIET
        self.patient = False
        self.complete = False
        #: entries on the keypad that mean something now
        self.keys: tuple[str, ...] = ()
        self._rise = 0
        self._begin: int | None = None
        self._voice_end = 0
        self._keys = ""
        self._key_t = 0

    @property
    def speaking(self) -> bool:
        """True from onset to offset."""
        return self.state in (TurnState.SPEAKING, TurnState.FALLING)

    @property
    def open(self) -> bool:
        """True while a turn runs, spoken or typed."""
        return self._begin is not None or bool(self._keys)

    @property
    def voice_end(self) -> int:
        """Where the newest voice ended, media-clock ms."""
        return self._voice_end

    @property
    def voiced_ms(self) -> int:
        """From the first voice of the turn to the last so far."""
        return 0 if self._begin is None else self._voice_end - self._begin

    def frame(self, t: int, probability: float) -> list[TurnDecision]:
        """A frame that began at `t`."""
        end = t + FRAME_MS
        decisions: list[TurnDecision] = []
        match self.state:
            case TurnState.QUIET | TurnState.TRAILING | TurnState.RISING:
                decisions += self._quiet(t, probability >= self.rules.threshold)
            case TurnState.SPEAKING | TurnState.FALLING:
                decisions += self._voiced(t, probability >= self.rules.release)
        return decisions + self._over(end)

    def key(self, t: int, key: str) -> list[TurnDecision]:
        """A key always wins: a spoken turn that runs is given up for it."""
        decisions: list[TurnDecision] = []
        if self.speaking:
            decisions.append(SpeechOffset(t))
        self._close()
        decisions.append(KeyPressed(t, key, first=not self._keys))
        self._keys += key
        self._key_t = t
        if key == self.rules.last_key or self._entered():
            decisions.append(self._typed(t))
        return decisions

    def _entered(self) -> bool:
        """True for an entry that is expected, and that no longer one begins with."""
        return [known for known in self.keys if known.startswith(self._keys)] == [self._keys]

    def reset(self) -> None:
        """Forget the turn that runs."""
        self._keys = ""
        self._close()

    def _quiet(self, t: int, voice: bool) -> list[TurnDecision]:
        if not voice:
            if self.state is TurnState.RISING:
                self._move(TurnState.QUIET if self._begin is None else TurnState.TRAILING)
            return []
        if self.state is not TurnState.RISING:
            self._rise = t
            self._move(TurnState.RISING)
        if t + FRAME_MS - self._rise < self.rules.onset_ms:
            return []
        first = self._begin is None
        if first:
            self._begin = self._rise
        self._voice_end = t + FRAME_MS
        self._move(TurnState.SPEAKING)
        return [SpeechOnset(self._rise, first)]

    def _voiced(self, t: int, voice: bool) -> list[TurnDecision]:
        if voice:
            self._voice_end = t + FRAME_MS
            if self.state is TurnState.FALLING:
                self._move(TurnState.SPEAKING)
            return []
        if self.state is TurnState.SPEAKING:
            self._move(TurnState.FALLING)
        if t + FRAME_MS - self._voice_end < self.rules.offset_ms:
            return []
        self._move(TurnState.TRAILING)
        return [SpeechOffset(self._voice_end)]

    def _over(self, now: int) -> list[TurnDecision]:
        if self._keys and now - self._key_t >= self.rules.key_pause_ms and not self.speaking:
            return [self._typed(now)]
        if self._begin is None:
            return []
        if now - self._begin >= self.rules.longest_ms:
            offset: list[TurnDecision] = [SpeechOffset(now)] if self.speaking else []
            return [*offset, self._spoken(now, "too_long")]
        pause, reason = self._pause()
        if self.state is TurnState.TRAILING and now - self._voice_end >= pause:
            return [self._spoken(now, reason)]
        return []

    def _pause(self) -> tuple[int, EndReason]:
        if self.complete:
            return self.rules.complete_ms, "complete"
        if self.patient:
            return self.rules.patient_ms, "patient"
        return self.rules.end_of_turn_ms, "silence"

    def _spoken(self, t: int, reason: EndReason) -> EndOfTurn:
        end = EndOfTurn(t, reason, self._voice_end, self.voiced_ms)
        self._close()
        return end

    def _typed(self, t: int) -> EndOfTurn:
        digits, self._keys = self._keys, ""
        last = self.rules.last_key
        return EndOfTurn(t, "keys", self._key_t, digits=digits.removesuffix(last) or digits)

    def _close(self) -> None:
        self._begin = None
        self.complete = self.patient = False
        if self.state is not TurnState.QUIET:
            self._move(TurnState.QUIET)

    def _move(self, state: TurnState) -> None:
        assert state in NEXT[self.state], f"{self.state} -> {state}"
        self.state = state
