"""Flatness: does a row of samples grow? By Theil and Sen: the median of all slopes between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

#: of more samples than this, so many evenly apart are taken: pairs grow with the square
_MOST = 400
#: with fewer there is nothing to say
_LEAST = 5


@dataclass(frozen=True, slots=True)
class Bound:
    """What may grow: so much an hour, and in no shorter time less than `grain`, which is how much
    a sample may differ from the next by chance.
    """

    an_hour: float
    grain: float

    def over(self, hours: float) -> float:
        """What may grow in so many hours."""
        return max(self.grain, self.an_hour * hours)


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through samples: what they grow by in an hour, and grew by over the
    `hours` looked at; `middle` is their median. nan where there are too few.
    """

    an_hour: float = nan
    hours: float = 0.0
    middle: float = nan

    @property
    def grew(self) -> float:
        """Over the time looked at."""
        return self.an_hour * self.hours


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """The trend of `values` at these times. One sample that is far off does not move it."""
    known = [(t, v) for t, v in zip(seconds, values, strict=True) if not isnan(v)]
    if len(known) < _LEAST:
        return Trend()
    step = -(-len(known) // _MOST)
    at, value = np.array(known[::step]).T
    rows, columns = np.triu_indices(len(at), 1)
    apart = at[columns] - at[rows]
    slopes = (value[columns] - value[rows])[apart > 0] / apart[apart > 0]
    if not slopes.size:
        return Trend()
    hours = (known[-1][0] - known[0][0]) / 3600
    return Trend(float(np.median(slopes)) * 3600, hours, float(np.median(value)))
