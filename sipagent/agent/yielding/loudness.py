"""Loudness: who is the caller, and who is only in the room behind them? By level alone. Pure."""

from collections import deque

from .evidence import SILENCE_DB


class Loudness:
    """What the levels of one call tell, dBFS."""

    def __init__(self) -> None:
        #: False where the turn that ended last was far fainter than the caller
        self.was_near = True
        self._usual = UsualLevel()
        self._foreground = Foreground()
        self._rise = Rise()

    @property
    def usual_db(self) -> float | None:
        """The level of the caller's voice, once it is known."""
        return self._usual.db

    @property
    def near(self) -> bool:
        """False where the turn that runs is far fainter than the caller."""
        usual = self._usual.db
        return usual is None or self._foreground.peak >= usual - _NEAR_DB

    def behind(self, level: float) -> bool:
        """A frame while a turn runs; see `Foreground`."""
        return self._foreground.behind(level)

    def add(self, level: float) -> None:
        """A frame of voice while the agent is silent."""
        self._usual.add(level)

    def rises(self, level: float) -> bool:
        """A frame of voice; see `Rise`."""
        return self._rise.frame(level)

    def silent(self) -> None:
        """Nobody speaks."""
        self._rise = Rise()

    def settle(self) -> None:
        """The turn is over."""
        self.was_near = self.near
        self._usual.settle(near=self.was_near)
        self._foreground = Foreground()

    def forget(self) -> None:
        """The turn that runs is none."""
        self._foreground = Foreground()


#: dB that the loudest of a turn may be below the mean of the caller's voice
_NEAR_DB = 9.0


class UsualLevel:
    """How loud this caller speaks, dBFS: learned from turns in which the agent was silent."""

    def __init__(self) -> None:
        self.db: float | None = None
        self._sum = 0.0
        self._frames = 0

    def add(self, level: float) -> None:
        """A frame of the caller's voice."""
        self._sum += level
        self._frames += 1

    def settle(self, *, near: bool) -> None:
        """The turn is over; one that was too short tells nothing, nor does somebody else's."""
        if near and self._frames >= _TELLING:
            mean = self._sum / self._frames
            self.db = mean if self.db is None else self.db + _LEARN * (mean - self.db)
        self._sum, self._frames = 0.0, 0


#: frames of voice in a turn from which its level tells, and how fast it is learned
_TELLING, _LEARN = 10, 0.3


class Rise:
    """Tells when somebody far louder joins a voice that goes on: the caller, over the room."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._louder = 0

    def frame(self, level: float) -> bool:
        """One more frame of voice; True where it has just become far louder."""
        if self._mean is None:
            self._mean = level
        if level < self._mean + _RISE_DB:
            self._mean += _SLOWLY * (level - self._mean)
            self._louder = 0
            return False
        self._louder += 1
        if self._louder < _RISE_FRAMES:
            return False
        self._mean, self._louder = level, 0
        return True


#: how much louder (dB), for how many frames, than a mean that follows how slowly
_RISE_DB, _RISE_FRAMES, _SLOWLY = 9.0, 3, 0.1


class Foreground:
    """Tells within one turn what is far fainter than the voice that it began with: the room behind
    the caller, which would keep the turn open after their last word.
    """

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_SMOOTH)
        self._peak = SILENCE_DB

    @property
    def peak(self) -> float:
        """The loudest so far, dBFS."""
        return self._peak

    def behind(self, level: float) -> bool:
        """One more frame of the turn; True where it is no longer the caller."""
        self._last.append(level)
        loud = max(self._last)
        self._peak = max(self._peak, loud)
        return loud < self._peak - _BEHIND_DB


#: frames looked at together, and dB below the loudest of the turn that no voice falls within a word
_SMOOTH, _BEHIND_DB = 5, 18.0
