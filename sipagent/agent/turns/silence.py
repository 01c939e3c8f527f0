"""SilenceWatch: nobody says anything; StuckWatch: we speak and nobody can hear it. Pure."""

from typing import Literal

from sipagent.media.frames import FRAME_MS


class SilenceWatch:
    """Counts frames in which neither side has the floor."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._limit_ms = seconds * 1000
        self._limit = limit
        self._quiet_ms = 0
        self._asked = 0

    def frame(self, quiet: bool) -> Literal["ask", "give_up"] | None:
        """One more frame; what to do about it."""
        self._quiet_ms = self._quiet_ms + FRAME_MS if quiet else 0
        return self.ask() if self._quiet_ms >= self._limit_ms else None

    def ask(self) -> Literal["ask", "give_up"]:
        """The caller has to be asked, for silence or for not being understood."""
        self._quiet_ms = 0
        self._asked += 1
        return "ask" if self._asked <= self._limit else "give_up"

    def answered(self) -> None:
        """The caller said something, or pressed a key."""
        self._quiet_ms = self._asked = 0


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
