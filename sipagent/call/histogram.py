"""Histograms of response times, of all calls of a process; a metrics endpoint reads them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from sipagent.events import TurnLatency

from .waterfall import RESPONSE, turn_of

#: upper bounds, ms, of a bucket each; what is longer is in the last one, without a bound
BOUNDS = (
    5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000,
    10_000,
)  # fmt: skip
#: providers told apart; those beyond are counted as one, so that a name made up by a plan for
#: every call cannot fill the memory
_PROVIDERS = 64
_OTHER = "other"
_ROLES = {
    "final_text": "ears",
    "first_token": "mind",
    "first_sentence": "mind",
    "first_audio": "mouth",
}


class Histogram:
    """Counts of values by `BOUNDS`, their number and their sum."""

    __slots__ = ("_buckets", "count", "sum")

    def __init__(self) -> None:
        self._buckets = [0] * (len(BOUNDS) + 1)
        self.count = 0
        self.sum = 0.0

    def observe(self, ms: float) -> None:
        """One more value."""
        self._buckets[bisect_left(BOUNDS, ms)] += 1
        self.count += 1
        self.sum += ms

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Upper bound and how many values are at or below it; the last bound is infinite."""
        total = 0
        for bound, count in zip((*BOUNDS, float("inf")), self._buckets, strict=True):
            total += count
            yield bound, total


class TurnHistograms:
    """How long turns took: by stage, and by the provider whose stage it is."""

    def __init__(self) -> None:
        #: stage (`response` and `overhead` too) and provider ("" where it is nobody's)
        self.stages: dict[tuple[str, str], Histogram] = {}
        self.outcomes: Counter[str] = Counter()
        self._providers: set[str] = set()

    def observe(self, event: TurnLatency) -> None:
        """One more turn."""
        turn = turn_of(event)
        self.outcomes[turn.outcome] += 1
        for stage, ms in turn.took.items():
            self._add(stage, self._known(turn.providers.get(_ROLES.get(stage, ""), "")), ms)
        if turn.response_ms is not None:
            self._add(RESPONSE, "", turn.response_ms)
        if turn.overhead_ms is not None:
            self._add("overhead", "", turn.overhead_ms)

    def _known(self, provider: str) -> str:
        if provider and provider not in self._providers:
            if len(self._providers) >= _PROVIDERS:
                return _OTHER
            self._providers.add(provider)
        return provider

    def _add(self, stage: str, provider: str, ms: float) -> None:
        self.stages.setdefault((stage, provider), Histogram()).observe(ms)
