"""Noise: any sound that lasts, voice or not, over the agent's speech. By level alone. Pure."""

from sipagent.media.frames import FRAME_MS

from .bargein import GiveWay

#: dBFS above which a frame is a sound, for how long, and the gaps that do not end it
_LOUD_DB, _LASTS_MS, _GAP_MS = -45.0, 1000, 100


class NoiseWatch:
    """Fed every frame in which the agent speaks and may be stopped."""

    def __init__(self) -> None:
        self._loud_ms = 0
        self._gap_ms = 0

    def frame(self, level_db: float) -> GiveWay | None:
        """One more frame."""
        if level_db >= _LOUD_DB:
            self._loud_ms += FRAME_MS + self._gap_ms
            self._gap_ms = 0
        else:
            self._gap_ms += FRAME_MS
            if self._gap_ms > _GAP_MS:
                self.forget()
        if self._loud_ms < _LASTS_MS:
            return None
        self.forget()
        return GiveWay("stopped", f"sound of {_LASTS_MS} ms")

    def forget(self) -> None:
        """Nobody is spoken over."""
        self._loud_ms = self._gap_ms = 0
