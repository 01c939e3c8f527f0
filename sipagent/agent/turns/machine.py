"""TurnMachine: whose turn is it? Pure: speech probabilities, words, keys and time in."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sipagent.media.frames import FRAME_MS

from .decisions import (
    EndOfTurn,
    KeyPressed,
    SpeechOffset,
    SpeechOnset,
    TurnDecision,
    Withdrawn,
)
from .ending import END_RULES, verdict
from .rules import NOTHING_AWAITED, Awaiting, EndRule, TurnRules, TurnSoFar, Verdict


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


#: voice after a partial for longer than this holds words that the partial does not
_FRESH_MS = 300


class TurnMachine:
    """Fed every 20 ms frame, every partial and every key; all times are media-clock ms."""

    def __init__(self, rules: TurnRules | None = None, ends: Sequence[EndRule] = END_RULES) -> None:
        self.rules = rules or TurnRules()
        self.state = TurnState.QUIET
        #: entries on the keypad that mean something now
        self.keys: tuple[str, ...] = ()
        self._ends = ends
        self._words = _Words()
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
    def began(self) -> int | None:
        """Where the voice of the turn began, media-clock ms; None while there is none."""
        return self._begin

    @property
    def voice_end(self) -> int:
        """Where the newest voice ended, media-clock ms."""
        return self._voice_end

    @property
    def voiced_ms(self) -> int:
        """From the first voice of the turn to the last so far."""
        return 0 if self._begin is None else self._voice_end - self._begin

    def at_rest(self, probability: float) -> bool:
        """True where nothing is under way and a frame of this probability begins nothing."""
        quiet = self.state is TurnState.QUIET and probability < self.rules.threshold
        return quiet and self._begin is None and not self._keys

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

    def expect(self, awaiting: Awaiting) -> None:
        """What the turn that runs is likely to hold."""
        self._words = _Words(awaiting)

    def words(self, text: str, *, complete: bool = False) -> None:
        """The newest partial of the turn that runs."""
        if text != self._words.text:
            self._words.changed_at = self._voice_end
        self._words.text, self._words.complete = text, complete
        self._words.came_at = self._voice_end

    def key(self, t: int, key: str) -> list[TurnDecision]:
        """A key always wins: a spoken turn that runs is given up for it."""
        decisions: list[TurnDecision] = []
        if self.speaking:
            decisions.append(SpeechOffset(t))
        self._close()
        decisions.append(KeyPressed(t, key, first=not self._keys))
        self._keys += key
        self._key_t = t
        if key in self.rules.last_keys or self._entered():
            decisions.append(self._typed(t))
        return decisions

    def _entered(self) -> bool:
        """True for an entry that is expected, and that no longer one begins with."""
        return [known for known in self.keys if known.startswith(self._keys)] == [self._keys]

    def withdraw(self, t: int) -> list[TurnDecision]:
        """What was taken for the caller's voice was none: there is no turn."""
        offset: list[TurnDecision] = [SpeechOffset(t)] if self.speaking else []
        self._close()
        return [*offset, Withdrawn(t)]

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
            limit = self.rules.longest_ms
            why = Verdict(0, "too_long", "longest", f"a turn lasts {limit} ms at most")
            return [*offset, self._spoken(now, why)]
        if self.state is not TurnState.TRAILING:
            return self._stale(now)
        why = verdict(self._words.so_far(self._voice_end), self.rules, self._ends)
        return [self._spoken(now, why)] if now - self._voice_end >= why.ms else []

    def _stale(self, now: int) -> list[TurnDecision]:
        """A voice goes on, and the ears hear no more words in it."""
        limit = self.rules.stale_ms
        if not limit or not self._words.text or now - self._words.changed_at < limit:
            return []
        why = Verdict(0, "silence", "speech_event", f"no new words for {limit} ms")
        return [SpeechOffset(now), self._spoken(now, why)]

    def _spoken(self, t: int, why: Verdict) -> EndOfTurn:
        end = EndOfTurn(
            t,
            why.reason,
            self._voice_end,
            self.voiced_ms,
            rule=why.rule,
            evidence=why.evidence,
            words=self._words.text,
        )
        self._close()
        return end

    def _typed(self, t: int) -> EndOfTurn:
        digits, self._keys = self._keys, ""
        entry = digits.rstrip(self.rules.last_keys) if self.rules.last_keys else digits
        if entry != digits:
            evidence = "the last key was pressed"
        elif t == self._key_t:
            evidence = "the entry is a known one"
        else:
            evidence = f"no key for {t - self._key_t} ms"
        return EndOfTurn(
            t, "keys", self._key_t, digits=entry or digits, rule="keys", evidence=evidence
        )

    def _close(self) -> None:
        self._begin = None
        self._words = _Words()
        if self.state is not TurnState.QUIET:
            self._move(TurnState.QUIET)

    def _move(self, state: TurnState) -> None:
        assert state in NEXT[self.state], f"{self.state} -> {state}"
        self.state = state


@dataclass(slots=True)
class _Words:
    """What is known of the words of the turn that runs."""

    awaiting: Awaiting = NOTHING_AWAITED
    text: str = ""
    complete: bool = False
    came_at: int = 0
    changed_at: int = 0

    def so_far(self, voice_end: int) -> TurnSoFar:
        """As the rules see it."""
        fresh = voice_end - self.came_at <= _FRESH_MS
        return TurnSoFar(self.awaiting, self.text, self.complete, fresh)
