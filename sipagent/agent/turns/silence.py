"""SilenceWatch: nobody says anything; StuckWatch: we speak and nobody can hear it. Pure."""

from collections.abc import Sequence
from typing import Literal

from sipagent.media.frames import FRAME_MS


class SilenceWatch:
    """Counts frames in which neither side has the floor, up to `seconds`: of the first prompt, the
    second, ...; the last for all that follow. After `limit` prompts in a row it gives up.
    """

    def __init__(self, seconds: Sequence[float], limit: int, *, hold_on: float = 60.0) -> None:
        """`hold_on` seconds are left to a caller who asked for a moment."""
        self._seconds = seconds
        self._limit = limit
        self._hold_on = hold_on
        self._held_on = 0.0
        self._quiet_ms = 0
        #: prompts since the caller was heard
        self.asked = 0

    def frame(self, quiet: bool) -> Literal["ask", "give_up"] | None:
        """One more frame; what to do about it."""
        self._quiet_ms = self._quiet_ms + FRAME_MS if quiet else 0
        return self.ask() if self._quiet_ms >= self._limit_ms else None

    def ask(self) -> Literal["ask", "give_up"]:
        """The caller has to be asked, for silence or for not being understood."""
        self._quiet_ms, self._held_on = 0, 0.0
        self.asked += 1
        return "ask" if self.asked <= self._limit else "give_up"

    def answered(self) -> None:
        """The caller said something, or pressed a key."""
        self._quiet_ms = self.asked = 0
        self._held_on = 0.0

    def hold_on(self, seconds: float | None = None) -> None:
        """The caller asked for a moment; or somebody else, for so many seconds of it."""
        self._held_on = self._hold_on if seconds is None else seconds

    @property
    def _limit_ms(self) -> float:
        if self._held_on:
            return 1000 * max(self._held_on, self._seconds[0])
        return 1000 * self._seconds[min(self.asked, len(self._seconds) - 1)]


class StuckWatch:
    """Tells once when speech that waits to be played is not."""

    def __init__(self, limit_ms: int) -> None:
        self._limit_ms = limit_ms
        self._stuck_ms = 0
        self._played = 0

    def frame(self, *, waits: bool, played: int) -> bool:
        """One more frame; True when the limit is just reached."""
        moving = not waits or played != self._played
        self._played = played
        self._stuck_ms = 0 if moving else self._stuck_ms + FRAME_MS
        return self._stuck_ms == self._limit_ms
