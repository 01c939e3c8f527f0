"""How sure the embedded ears are: two independent kinds of evidence, mapped onto 0..1.

The numbers below come from `python -m sipagent.testing.ears`, which prints the table they were
chosen on; run it again when anything on the way of the audio changes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

#: at and above: act on it
HIGH = 0.8
#: at and above: ask whether it was meant; below: not understood
MIDDLE = 0.5
#: weights of the two kinds of evidence, so that their sum is 0 at MIDDLE
_GATE_WEIGHT = 1600.0
_LIKENESS_WEIGHT = 11.0
_MIDDLE_SCORE = 1.8
#: score above MIDDLE at which HIGH begins
_HIGH_SCORE = 1.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """`gate`: acoustic score of the declared phrase less that of any phones at all, per frame
    (near 0 when the phrase explains the sound as well as anything could, negative otherwise).
    `likeness`: 0..1, the phones heard freely against those of the phrase.
    """

    gate: float
    likeness: float

    @property
    def score(self) -> float:
        """Both as one number; 0 is where MIDDLE begins."""
        return _GATE_WEIGHT * self.gate + _LIKENESS_WEIGHT * self.likeness - _MIDDLE_SCORE

    @property
    def confidence(self) -> float:
        """A logistic curve through (0, MIDDLE) and (_HIGH_SCORE, HIGH)."""
        steep = math.log(HIGH / (1 - HIGH)) / _HIGH_SCORE
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, steep * self.score))))


def likeness(heard: Sequence[str], meant: Sequence[str]) -> float:
    """1 for the same phones, 0 for nothing in common (edit distance by the longer one)."""
    if not heard or not meant:
        return 0.0
    return float(Levenshtein.normalized_similarity(heard, meant))
