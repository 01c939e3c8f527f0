"""Tally: how every line's packets came, counted in whole batches.

A packet is late by how much later it came than the stream's own clock said, reckoned from the
packets of the last seconds that came soonest. A sender that stops for 100 ms and then catches up
has sent three packets more than 40 ms late, where gaps between packets would tell one.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from sipagent.testing.track import SPEECH_LEVEL

from .batch import Arrived, Floats, Ints

LATE_SECONDS = 0.040
#: what came soonest is forgotten after one to two of these: clocks of two machines drift apart
_WINDOW_SECONDS = 4.0
_RATE = 8000
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Count:
    """Packets of all lines together: those that came, those that should have come so far, and
    those that came more than 40 ms late.
    """

    packets: int = 0
    due: int = 0
    late: int = 0

    def __sub__(self, other: Self) -> "Count":
        return Count(self.packets - other.packets, self.due - other.due, self.late - other.late)

    @property
    def lost(self) -> int:
        """Packets that did not come."""
        return max(0, self.due - self.packets)

    @property
    def late_percent(self) -> float:
        """Of those that came."""
        return 100 * self.late / self.packets if self.packets else 0.0

    @property
    def lost_percent(self) -> float:
        """Of those that should have come."""
        return 100 * self.lost / self.due if self.due else 0.0


class Tally:
    """Room for `lines` lines. What a line counts begins with its first packet, and again where
    its far end begins a stream anew (another SSRC).
    """

    def __init__(self, lines: int) -> None:
        self._packets = np.zeros(lines, np.int64)
        self._due = np.zeros(lines, np.int64)
        self._late = np.zeros(lines, np.int64)
        self._ssrc = np.full(lines, -1, np.int64)
        self._first_stamp = np.zeros(lines, np.int64)
        #: the highest sequence number, not wrapped
        self._highest = np.zeros(lines, np.int64)
        self._soonest = np.full((2, lines), np.inf)
        self._turned = 0.0
        #: on the wall clock: from when on each line listens, and when its far end was first and
        #: last heard to speak from then on
        self._since = np.zeros(lines)
        self.first = np.full(lines, np.inf)
        self.last = np.zeros(lines)

    def add(self, came: Arrived) -> None:
        """Count a batch."""
        line = came.line
        self._begin(came)
        np.add.at(self._packets, line, 1)
        self._number(line, came.sequence)
        self._time(came)
        loud = (came.level >= SPEECH_LEVEL) & (came.at >= self._since[line])
        np.maximum.at(self.last, line[loud], came.at[loud])
        np.minimum.at(self.first, line[loud], came.at[loud])

    def listen(self, line: int, since: float) -> None:
        """What a line hears from now on answers what it said until then."""
        if self._since[line] != since:
            self._since[line] = since
            self.first[line] = np.inf

    def count(self) -> Count:
        """Of all lines so far."""
        return Count(int(self._packets.sum()), int(self._due.sum()), int(self._late.sum()))

    def free(self, line: int) -> None:
        """Another call will have this line; what it counted stays counted."""
        self._ssrc[line] = -1
        self._since[line] = self.last[line] = 0.0
        self.first[line] = np.inf

    def _begin(self, came: Arrived) -> None:
        """Note where a stream begins."""
        fresh = came.ssrc != self._ssrc[came.line]
        if not fresh.any():
            return
        lines, firsts = np.unique(came.line[fresh], return_index=True)
        rows = np.flatnonzero(fresh)[firsts]
        self._ssrc[lines] = came.ssrc[rows]
        self._first_stamp[lines] = came.timestamp[rows]
        self._highest[lines] = came.sequence[rows] - 1
        self._soonest[:, lines] = np.inf

    def _number(self, line: Ints, sequence: Ints) -> None:
        """Sixteen bits go round within 22 minutes (RFC 3550 appendix A.1)."""
        before = self._highest[line]
        step = (sequence - before) & 0xFFFF
        reached = before + np.where(step < 0x8000, step, 0)
        highest = self._highest.copy()
        np.maximum.at(highest, line, reached)
        self._due += highest - self._highest
        self._highest = highest

    def _time(self, came: Arrived) -> None:
        line = came.line
        since = (came.timestamp - self._first_stamp[line]) % _WRAP
        # one from before the first is as if it had come with it
        behind: Floats = came.at - np.where(since < _WRAP // 2, since, 0) / _RATE
        if came.at[-1] - self._turned > _WINDOW_SECONDS:
            self._turned = float(came.at[-1])
            self._soonest[0] = self._soonest[1]
            self._soonest[1] = np.inf
        np.minimum.at(self._soonest[1], line, behind)
        soonest = self._soonest.min(axis=0)[line]
        np.add.at(self._late, line[behind - soonest > LATE_SECONDS], 1)
