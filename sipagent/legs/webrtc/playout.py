"""Playout: packets in whatever order the network brings them, out again one a frame, in theirs.

Pure: packets are put in by the loop, taken out by the conference's clock; nobody waits here.
"""

import threading
from dataclasses import dataclass
from enum import Enum

#: frames that are there before the first is played, and again after it ran dry
PREFILL = 2
#: frames kept at most, half a second; what is older goes
LIMIT = 25
#: packets in a row that nobody takes mean that nobody listens: the newest are enough then
_UNHEARD = 12
#: a packet so far ahead or behind is of a sender that began anew
_JUMP = 500
#: frames over which the depth has to have been too much before one is left out: of a little, and
#: of more than a little
_SLOW, _FAST = 250, 50
_RATE = 48  #: ticks of the RTP clock in a millisecond


class Gap(Enum):
    """What there is in place of a packet."""

    LOST = "lost"  #: later ones are here, so it is not waited for
    DRY = "dry"  #: nothing is here
    QUIET = "quiet"  #: it has not begun, or gathers anew


@dataclass
class Counts:
    """How it went."""

    received: int = 0
    lost: int = 0
    late: int = 0
    dry: int = 0
    left_out: int = 0
    jitter: float = 0.0  #: in ticks of the RTP clock (RFC 3550 section 6.4.1)


class Playout:
    """Bounded by `LIMIT`. The delay it adds is what the network's unrest has shown to be needed:
    running dry makes it longer, and one frame is left out where all of them were too early for
    some seconds, a sender whose clock is faster than ours included.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self._lock = threading.Lock()
        self._waiting: dict[int, bytes] = {}
        self._next: int | None = None
        self._gathering = True
        self._newest: int | None = None
        self._untaken = 0
        self._least = LIMIT
        self._watched = 0
        self._transit: float | None = None

    def put(self, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        """A packet came: its 16-bit number, its 32-bit RTP time, and when that was, in seconds."""
        with self._lock:
            number = self._unwrapped(sequence)
            self.counts.received += 1
            self._note_jitter(timestamp, now)
            if self._next is not None and number < self._next:
                self.counts.late += 1
                return
            self._waiting[number] = payload
            self._untaken += 1
            most = PREFILL if self._untaken > _UNHEARD else LIMIT
            while len(self._waiting) > most:
                oldest = min(self._waiting)
                del self._waiting[oldest]
                self.counts.left_out += 1
                if self._next is not None:
                    self._next = oldest + 1

    def take(self) -> bytes | Gap:
        """What is to be played in the next frame."""
        with self._lock:
            self._untaken = 0
            if self._gathering:
                if len(self._waiting) < PREFILL:
                    return Gap.QUIET
                self._gathering = False
                self._next = min(self._waiting)
            assert self._next is not None
            self._trim()
            payload = self._waiting.pop(self._next, None)
            if payload is None and not self._waiting:
                # it may only be late: it is played then, and all that follows with its delay
                self.counts.dry += 1
                self._gathering = True
                return Gap.DRY
            self._next += 1
            if payload is None:
                self.counts.lost += 1
                return Gap.LOST
            return payload

    def _trim(self) -> None:
        """Leave one frame out where there were always more than are needed."""
        assert self._next is not None
        self._least = min(self._least, len(self._waiting))
        self._watched += 1
        patience = _FAST if self._least >= PREFILL + 2 else _SLOW
        if self._watched < patience:
            return
        if self._least > PREFILL:
            self._waiting.pop(self._next, None)
            self._next += 1
            self.counts.left_out += 1
        self._least, self._watched = LIMIT, 0

    def _unwrapped(self, sequence: int) -> int:
        """Its place in the whole stream; a leap begins a new one."""
        if self._newest is None:
            self._newest = sequence
            return sequence
        delta = (sequence - self._newest + 0x8000) % 0x10000 - 0x8000
        if abs(delta) > _JUMP:
            self._waiting.clear()
            self._gathering, self._next, self._transit = True, None, None
            self._newest = sequence
            return sequence
        number = self._newest + delta
        self._newest = max(self._newest, number)
        return number

    def _note_jitter(self, timestamp: int, now: float) -> None:
        transit = now * 1000 * _RATE - timestamp
        if self._transit is not None:
            apart = abs(transit - self._transit)
            if apart < 1 << 31:  # the RTP clock wrapped
                self.counts.jitter += (apart - self.counts.jitter) / 16
        self._transit = transit
