"""Evidence: what was measured of a voice that was heard over the agent. Pure."""

from collections import deque
from dataclasses import dataclass, field
from math import log10

import numpy as np

from sipagent.media.echo import NO_ECHO, Echo
from sipagent.media.frames import FRAME_MS

from ..lexicon.words import plain

#: the quietest level told, dBFS
SILENCE_DB = -96.0


def level_db(pcm: bytes) -> float:
    """RMS level of 16-bit PCM, dBFS."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    power = float(np.dot(samples, samples)) / max(1, samples.size)
    return max(SILENCE_DB, 10 * log10(power / 32_768**2)) if power else SILENCE_DB


@dataclass(frozen=True, slots=True)
class Sound:
    """One frame that came in at media-clock `t` ms: the detector's probability 0..1, whether that
    is taken for voice, dBFS, and how much of it is our own.
    """

    t: int
    probability: float
    voice: bool
    level_db: float = SILENCE_DB
    echo: Echo = NO_ECHO


@dataclass(frozen=True, slots=True)
class Evidence:
    """Since the onset at `onset` ms: `spoken_ms` from the first voice to the newest, `voiced_ms`
    of voice in it; mean probability and level of the voiced frames; the greatest correlation with
    what we played, and the delay of it.
    """

    onset: int = 0
    spoken_ms: int = 0
    voiced_ms: int = 0
    probability: float = 0.0
    level_db: float = SILENCE_DB
    echo: float = 0.0
    lag_ms: int = 0


NO_EVIDENCE = Evidence()

#: correlation below which a voiced frame holds somebody else's voice
_FOREIGN = 0.35
#: frames of our own voice in a row that show that all of it was
_OWN_FRAMES = 3


@dataclass(slots=True)
class Gathering:
    """Evidence while it is gathered; `end` is where the newest voice ended. `own` counts the
    newest frames of our own voice, `foreign` all that were somebody else's.
    """

    onset: int
    frames: int = 0
    end: int = 0
    probability: float = 0.0
    level: float = 0.0
    echo: Echo = field(default=NO_ECHO)
    own: int = 0
    foreign: int = 0

    def add(self, sound: Sound) -> None:
        """One more frame."""
        if sound.echo.correlation > self.echo.correlation:
            self.echo = sound.echo
        self.own = self.own + 1 if sound.echo.own else 0
        if sound.voice and sound.echo.correlation < _FOREIGN:
            self.foreign += 1
        if sound.voice:
            # the frames that made the onset were voice, too
            count = 1 if self.frames else 1 + (sound.t - self.onset) // FRAME_MS
            self.frames += count
            self.probability += count * sound.probability
            self.level += count * sound.level_db
            self.end = sound.t + FRAME_MS

    @property
    def all_own(self) -> bool:
        """True once it is plain that nobody but ourselves was heard."""
        return self.own >= _OWN_FRAMES and self.foreign < self.own

    @property
    def so_far(self) -> Evidence:
        """What is known now."""
        count = max(1, self.frames)
        return Evidence(
            self.onset,
            max(0, self.end - self.onset),
            self.frames * FRAME_MS,
            round(self.probability / count, 2),
            round(self.level / count, 1) if self.frames else SILENCE_DB,
            round(self.echo.correlation, 2),
            self.echo.lag_ms,
        )


#: so long a turn without a word before its end tells that these ears give none
_TELLING_MS = 1500


class WordDelay:
    """How long after an onset these ears give the first words: the longest of the last few, ms;
    None while they have given none before a turn was over. `never` says that they had the time
    to, in a turn, and gave none.
    """

    def __init__(self) -> None:
        self.never = False
        self._delays: deque[int] = deque(maxlen=_REMEMBERED)
        self._onset: int | None = None

    @property
    def longest_ms(self) -> int | None:
        """Of the last turns."""
        return max(self._delays, default=None)

    def onset(self, t: int) -> None:
        """A turn began at media-clock `t` ms."""
        self._onset = t

    def words(self, now: int, text: str) -> None:
        """A partial came at media-clock `now` ms."""
        if self._onset is not None and plain(text):
            self._delays.append(now - self._onset)
            self._onset = None
            self.never = False

    def over(self, now: int) -> None:
        """The turn ended at media-clock `now` ms."""
        silent = self._onset is not None and now - self._onset >= _TELLING_MS
        self.never = self.never or (silent and not self._delays)
        self._onset = None


_REMEMBERED = 5
