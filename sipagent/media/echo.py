"""EchoMeter: is what comes in our own voice coming back? Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from .frames import FRAME_MS, Frame

Samples = npt.NDArray[np.float32]

#: both sides are compared at this rate, Hz: the strong half of a telephone voice
_RATE = 4000
_FRAME = _RATE * FRAME_MS // 1000
#: samples compared at once, while the delay is looked for and once it is known
_WINDOW, _SHORT = 8 * _FRAME, 4 * _FRAME
#: the longest delay looked for, ms
MAX_LAG_MS = 600
_LAGS = MAX_LAG_MS * _RATE // 1000
#: what was played longer ago does not come back
_HEARD_AGAIN_MS = MAX_LAG_MS + _WINDOW * 1000 // _RATE
#: at least window and lags together, and quick to transform
_POINTS = 3072
#: a delay is known when it was the best so often in a row, each time within so many samples
_IN_A_ROW, _WANDER = 4, 3
#: correlation from which a delay is believed, and from which it is our own voice; what is less
#: like it than what came back before holds somebody else's voice too
_FOUND, _OWN, _AS_BEFORE = 0.5, 0.45, 0.75
#: a jitter buffer that adapts moves a known delay by so many samples at most; the new one is
#: believed at once from this correlation, and meanwhile so many frames need only be a little alike
_JUMP, _SURELY, _LAPSES = 80 * _RATE // 1000, 0.75, 3
#: RMS (16-bit units, high end raised) below which there is nothing to compare
_FLOOR = 12.0
#: a detector still takes the end of an echo for voice after it has gone
_AFTER = 12


@dataclass(frozen=True, slots=True)
class Echo:
    """Of the newest 80-160 ms: normalised correlation 0..1 with what we played `lag_ms` before,
    and whether it is our own voice and nothing else.
    """

    correlation: float = 0.0
    lag_ms: int = 0
    own: bool = False


NO_ECHO = Echo()


class EchoMeter:
    """Fed every frame of both sides at `rate` Hz, a multiple of 4000. Where nobody can be speaking
    that costs next to nothing; where voice is heard while ours is on the line 15-45 us, or 150 us
    while the delay is not known.
    """

    def __init__(self, rate: int) -> None:
        self._step = rate // _RATE
        self._played = np.zeros(_LAGS + _WINDOW, np.float32)
        self._heard = np.zeros(_WINDOW, np.float32)
        self._now = 0
        #: heard, and not yet looked at
        self._unread: deque[Frame] = deque(maxlen=_WINDOW // _FRAME)
        #: media-clock ms of the newest frame that is known of what was played
        self._told = -1
        self._search = _Search()

    def frame(self, heard: Frame, played: Sequence[Frame], *, voice: bool = True) -> Echo:
        """One frame that came in, and the newest that went out, in order; those told before may
        be among them. `voice` is False where nobody can be speaking: then nothing is compared.
        """
        if not played or heard.t - played[-1].t > _HEARD_AGAIN_MS:
            return NO_ECHO
        self._unread.append(heard)
        if not voice:
            return NO_ECHO
        self._pass((heard.t - self._now) // FRAME_MS)
        self._now = heard.t
        for frame in takewhile(lambda frame: frame.t > self._told, reversed(played)):
            self._put(frame, self._played)
        self._told = heard.t
        for frame in self._unread:
            self._put(frame, self._heard)
        self._unread.clear()
        return self._search.echo(self._heard, self._played)

    def _pass(self, frames: int) -> None:
        """Time has passed: room for so many frames, silent so far."""
        for side in (self._played, self._heard):
            gone = min(max(frames, 0) * _FRAME, side.size)
            if gone:
                side[: side.size - gone] = side[gone:]
                side[side.size - gone :] = 0

    def _put(self, frame: Frame, side: Samples) -> None:
        end = side.size - (self._now - frame.t) // FRAME_MS * _FRAME
        if _FRAME <= end <= side.size:
            side[end - _FRAME : end] = self._thin(frame.pcm)

    def _thin(self, pcm: bytes) -> Samples:
        """At 4 kHz, the strong low end taken down, so that a like pitch alone is no likeness."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        thin: Samples = samples.reshape(-1, self._step).mean(axis=1)
        raised = np.zeros_like(thin)
        raised[1:] = thin[1:] - np.float32(0.9) * thin[:-1]
        return raised


class _Search:
    """Finds the delay and keeps it while it serves."""

    def __init__(self) -> None:
        self._known: int | None = None
        self._usual = 0.0
        self._lag = 0
        self._row = 0
        self._after = 0
        self._lapses = 0

    def echo(self, heard: Samples, played: Samples) -> Echo:
        """What the newest frames are."""
        self._after = max(0, self._after - 1)
        if _power(heard[-_SHORT:]) < _FLOOR**2:
            return Echo(own=self._after > 0)
        if self._known is not None and (echo := self._again(heard, played, self._known)):
            return echo
        best, lag = _best(heard, played, 0, _LAGS)
        again = abs(lag - self._lag) <= _WANDER
        self._row = 0 if best < _FOUND else self._row + 1 if again else 1
        self._lag = lag
        if self._row >= _IN_A_ROW:
            self._known, self._usual = lag, best
            return self._own(best, lag)
        return Echo(best, lag * 1000 // _RATE)

    def _again(self, heard: Samples, played: Samples, known: int) -> Echo | None:
        """Our own voice at the delay that is known, or near it."""
        newest, like = heard[-_SHORT:], max(_OWN, _AS_BEFORE * self._usual)
        near = _best(newest, played, max(0, known - _WANDER), min(_LAGS, known + _WANDER))
        if near[0] >= like:
            self._usual += 0.1 * (near[0] - self._usual)
            self._lapses = 0
            return self._own(near[0], known)
        jumped = _best(newest, played, max(0, known - _JUMP), min(_LAGS, known + _JUMP))
        if jumped[0] >= max(_SURELY, like):
            self._known, self._lapses = jumped[1], 0
            return self._own(*jumped)
        self._lapses += 1
        if self._lapses <= _LAPSES and jumped[0] >= _FOUND:
            return self._own(*jumped)
        return None

    def _own(self, correlation: float, lag: int) -> Echo:
        self._after = _AFTER
        return Echo(correlation, lag * 1000 // _RATE, own=True)


def _best(heard: Samples, played: Samples, first: int, last: int) -> tuple[float, int]:
    """The greatest correlation at any lag from `first` to `last`, and that lag, in samples."""
    size = heard.size
    then = played[played.size - size - last : played.size - first]
    if last - first > 2 * _JUMP:
        spectrum = np.fft.rfft(then, _POINTS) * np.conj(np.fft.rfft(heard, _POINTS))
        cross = np.fft.irfft(spectrum)[: last - first + 1]
    else:
        cross = np.correlate(then, heard, "valid")
    sums = np.concatenate(([0.0], np.cumsum(then.astype(np.float64) ** 2)))
    power = np.maximum(sums[size:] - sums[:-size], size * _FLOOR**2)
    likeness = np.abs(cross) / np.sqrt(power * float(np.dot(heard, heard)))
    place = int(np.argmax(likeness))
    return min(1.0, float(likeness[place])), last - place


def _power(samples: Samples) -> float:
    return float(np.dot(samples, samples)) / samples.size
