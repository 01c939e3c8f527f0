"""EndRule: after how much silence is the caller's turn over, and why? What all rules go by."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ..lexicon.known import lexicon
from ..lexicon.words import Lexicon, plain
from ..protocols import Awaited

EndReason = Literal["silence", "complete", "patient", "too_long", "keys", "text"]


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Probabilities 0..1 and milliseconds. Two thresholds, so that a level between them changes
    nothing; a gap shorter than `offset_ms` is not even an end of speech. No rule waits longer
    than `end_of_speech_timeout` after the end of the voice. A turn whose words have not changed
    for `stale_ms` (0: never mind) is over though a voice goes on. Each of `last_keys` ends an
    entry. Nothing below `faintest_db` (dBFS) is voice.
    """

    end_of_turn_ms: int = 500
    complete_ms: int = 350
    patient_ms: int = 1800
    threshold: float = 0.5
    release: float = 0.35
    onset_ms: int = 40
    offset_ms: int = 200
    longest_ms: int = 60_000
    key_pause_ms: int = 1200
    last_keys: str = "#"
    end_of_speech_timeout: int = 2500
    stale_ms: int = 0
    faintest_db: float | None = None


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What the caller is likely to say: `awaits` was asked for, `offered` is what the tools on
    offer could take, `phrases` are declared ones as `plain` writes them.
    """

    awaits: Awaited = "speech"
    offered: frozenset[Awaited] = frozenset()
    phrases: frozenset[str] = frozenset()
    language: str = ""


NOTHING_AWAITED = Awaiting()


@dataclass(frozen=True, slots=True)
class TurnSoFar:
    """`text` is the newest partial, `complete` what the ears say of it; `fresh` is False where the
    caller has gone on speaking since it came, so that there must be more words than these.
    """

    awaiting: Awaiting = NOTHING_AWAITED
    text: str = ""
    complete: bool = False
    fresh: bool = True

    @property
    def words(self) -> list[str]:
        """Plain words of the newest partial."""
        return plain(self.text).split()

    @property
    def lexicon(self) -> Lexicon:
        """Of the caller's language."""
        return lexicon(self.awaiting.language)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Silence of `ms` after the voice ends the turn: by which rule, and on what evidence, told
    without what was said.
    """

    ms: int
    reason: EndReason
    rule: str
    evidence: str


class EndRule(Protocol):
    """One way of telling. The first rule that has an opinion is followed."""

    def __call__(self, turn: TurnSoFar, rules: TurnRules) -> Verdict | None:
        """The silence needed, or None where this rule has nothing to say."""
        ...
