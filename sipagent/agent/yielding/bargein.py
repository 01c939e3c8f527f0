"""BargeIn: the caller speaks over the agent. Pause at once, resume or stop on evidence. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

import regex

from sipagent.media.frames import FRAME_MS

from ..lexicon.known import lexicon
from ..lexicon.words import Lexicon, plain
from .evidence import NO_EVIDENCE, Evidence, Gathering, Sound


class GiveWayState(StrEnum):
    """How far the agent has given way."""

    HOLDING = "holding"
    PAUSED = "paused"
    WAITING = "waiting"


#: the evidence where only the whole turn told
LATE_WORDS = "words of the whole turn"
#: WAITING is a voice that ended and whose words may still come
NEXT: dict[GiveWayState, frozenset[GiveWayState]] = {
    GiveWayState.HOLDING: frozenset({GiveWayState.PAUSED}),
    GiveWayState.PAUSED: frozenset({GiveWayState.WAITING, GiveWayState.HOLDING}),
    GiveWayState.WAITING: frozenset({GiveWayState.PAUSED, GiveWayState.HOLDING}),
}


@dataclass(frozen=True, slots=True)
class GiveWay:
    """What to do about the agent's speech, why, and on what evidence; `words` is personal data.

    "ignored" is a voice that was known for our own from its first frame.
    """

    decision: Literal["paused", "resumed", "stopped", "ignored"]
    why: str
    words: str = ""
    evidence: Evidence = NO_EVIDENCE


@dataclass(frozen=True, slots=True)
class YieldRules:
    """Milliseconds and counts. `min_words` are needed to stop at once; voice of `decide_ms` stops
    with or without words; where the evidence is thin (ears that may give partials have none, the
    probability is low, the voice is faint) the agent stays paused up to `longest_ms` first, and
    half as long again where only words are missing and the voice goes on.

    Voice shorter than `noise_ms` without words is a cough or a knock. `more` are signs of
    listening beside those of the language.
    """

    min_words: int = 1
    decide_ms: int = 500
    longest_ms: int = 800
    noise_ms: int = 300
    more: frozenset[str] = frozenset()
    #: voice without words never stops the agent
    words_only: bool = False
    #: nothing but what was said to its end stops it: it is not even paused before
    whole_turns: bool = False
    #: a regular expression: words that it does not fit never stop it
    match: str | None = None
    #: any sound of a second stops it
    on_noise: bool = False


#: seconds that looking for `match` may take
_MATCHING = 0.05
#: mean probability below which voice is doubtful, and how much fainter (dB) than the caller's own
#: a voice is likely somebody else's
_DOUBTFUL, _FAINT_DB = 0.6, 12.0
#: how many times longer a voice that goes on is waited for
_LONGER = 1.5
#: a voice is gone after so much silence; words that are so late will not come
_GONE_MS, _GRACE_MS = 100, 200


class BargeInMachine:
    """Fed every frame from an onset on, and every partial. Times are media-clock ms.

    `answers` is True while the agent has asked something to which a backchannel is an answer;
    `first_words_ms` is how long after an onset these ears have given the first words at the
    latest, once they have shown that they do, and `wordless_ears` that they have shown that they
    give none before a turn is over; `usual_db` is the level of the caller's voice, once
    it is known.
    """

    def __init__(self, rules: YieldRules | None = None) -> None:
        self.rules = rules or YieldRules()
        self.state = GiveWayState.HOLDING
        self.answers = False
        self.first_words_ms: int | None = None
        self.wordless_ears = False
        self.usual_db: float | None = None
        self.lexicon: Lexicon = lexicon("")
        self._gathering = Gathering(0)
        self._words = ""
        #: the agent goes on, but words of the voice that was heard would still stop it
        self._corrigible = False

    @property
    def paused(self) -> bool:
        """True while it is not decided whether the agent goes on."""
        return self.state is not GiveWayState.HOLDING

    @property
    def own_voice(self) -> bool:
        """True where what was heard last was nobody but ourselves."""
        return self._gathering.all_own

    def onset(self, t: int) -> GiveWay | None:
        """Speech since `t` while the agent speaks: fall silent first, decide later.

        None where the agent is silent already, since the caller goes on after a gap.
        """
        if self.state is GiveWayState.PAUSED or self.rules.whole_turns:
            return None
        waited = self.state is GiveWayState.WAITING
        self._move(GiveWayState.PAUSED)
        if waited:
            return None
        self._gathering = Gathering(t)
        self._words = ""
        return GiveWay("paused", "speech onset", evidence=self._gathering.so_far)

    def frame(self, sound: Sound) -> GiveWay | None:
        """One more frame, from the onset's on."""
        if not self.paused:
            return None
        self._gathering.add(sound)
        so_far = self._gathering.so_far
        if self._gathering.all_own:
            return self._settle("resumed", f"our own echo after {so_far.lag_ms} ms")
        since = sound.t + FRAME_MS - so_far.onset
        if self.state is GiveWayState.WAITING:
            over = since >= self._longest
            return self._settle("resumed", self._nothing()) if over else None
        if self.rules.words_only:
            over = since >= self._longest
            return self._settle("resumed", self._nothing()) if over else None
        if self._thin(so_far):
            return self._doubted(so_far, since)
        if so_far.voiced_ms < self.rules.decide_ms:
            over = since >= self._longest and 2 * so_far.voiced_ms < since
            return self._settle("resumed", self._nothing()) if over else None
        return self._settle("stopped", f"speech of {so_far.spoken_ms} ms")

    def _doubted(self, so_far: Evidence, since: int) -> GiveWay | None:
        """Thin evidence has had its time; is the voice reason enough to stop after all?

        As long as the voice goes on, nobody misses the agent's: words are waited for longer.
        """
        unlikely = self._faint(so_far) or self._doubtful(so_far)
        gone = so_far.onset + since - self._gathering.end > _GONE_MS
        longer = 1 if gone or unlikely else _LONGER
        if since < self._longest * longer:
            return None
        nothing = not plain(self._words) and (unlikely or self._late(since))
        if gone or nothing or so_far.voiced_ms < self.rules.decide_ms:
            return self._settle("resumed", self._nothing())
        return self._settle("stopped", f"speech of {so_far.spoken_ms} ms")

    def words(self, text: str) -> GiveWay | None:
        """The newest guess at what the caller is saying."""
        if self.rules.whole_turns or not (self.paused or self._corrigible):
            return None
        self._words = text
        if self._enough(text):
            return self._settle("stopped", "words")
        if self.state is GiveWayState.WAITING and plain(text):
            return self._settle("resumed", self._nothing())
        return None

    def offset(self, t: int) -> GiveWay | None:
        """The caller's voice ended at `t` before anything was decided."""
        if self.state is not GiveWayState.PAUSED:
            return None
        so_far = self._gathering.so_far
        if plain(self._words) or so_far.voiced_ms < self.rules.noise_ms:
            return self._settle("resumed", self._nothing())
        self._move(GiveWayState.WAITING)
        return None

    def late_words(self, text: str) -> GiveWay | None:
        """The whole turn as text, after the agent has gone on; None where it may go on still."""
        if not self._enough(text):
            return self._settle("resumed", self._nothing()) if self.paused else None
        self._words = text
        return self._settle("stopped", LATE_WORDS)

    def key(self) -> GiveWay:
        """A key was pressed while the agent spoke."""
        self._words, self._gathering = "", Gathering(0)
        return replace(self._settle("stopped", "key"), evidence=NO_EVIDENCE)

    def reset(self) -> None:
        """The agent's speech is over for another reason."""
        self.state = GiveWayState.HOLDING
        self._corrigible = False

    def turn_over(self) -> None:
        """No more words of the voice that was heard will come before `late_words`."""
        self._corrigible = False

    def _enough(self, text: str) -> bool:
        words = plain(text)
        if not words or len(words.split()) < self.rules.min_words:
            return False
        if self.rules.match is not None:
            return self._fits(text, self.rules.match)
        lexicon, more = self.lexicon, self.rules.more
        sign = lexicon.is_backchannel(text, more) or lexicon.may_become_backchannel(text, more)
        return self.answers or not sign

    @staticmethod
    def _fits(text: str, match: str) -> bool:
        try:
            return regex.search(match, text, regex.IGNORECASE, timeout=_MATCHING) is not None
        except TimeoutError:
            return False

    def _listens(self, text: str) -> bool:
        """Are the words so far a sign of listening, or the beginning of one?"""
        return not self.answers and bool(plain(text)) and not self._enough(text)

    def _thin(self, so_far: Evidence) -> bool:
        """Is what is known too little to stop for good?"""
        wordless = not self.wordless_ears and not plain(self._words)
        listening = self._listens(self._words)
        return wordless or listening or self._doubtful(so_far) or self._faint(so_far)

    def _doubtful(self, so_far: Evidence) -> bool:
        return so_far.probability < _DOUBTFUL

    def _faint(self, so_far: Evidence) -> bool:
        """Is it likely somebody else in the room?"""
        return self.usual_db is not None and so_far.level_db < self.usual_db - _FAINT_DB

    def _late(self, since: int) -> bool:
        """Would words have come by now, if there were any?"""
        return self.first_words_ms is not None and since > self.first_words_ms + _GRACE_MS

    @property
    def _longest(self) -> int:
        return max(self.rules.longest_ms, self.rules.decide_ms)

    def _nothing(self) -> str:
        kind = "a backchannel" if plain(self._words) else "no words"
        return f"{kind} in {self._gathering.so_far.spoken_ms} ms of speech"

    def _settle(self, decision: Literal["resumed", "stopped"], why: str) -> GiveWay:
        if self.paused:
            self._move(GiveWayState.HOLDING)
        self._corrigible = decision == "resumed" and not self._gathering.all_own
        return GiveWay(decision, why, self._words, self._gathering.so_far)

    def _move(self, state: GiveWayState) -> None:
        assert state in NEXT[self.state], f"{self.state} -> {state}"
        self.state = state
