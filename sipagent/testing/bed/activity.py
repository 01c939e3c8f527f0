"""Activity: when the agent was heard, from 20 ms frames as they came. Pure."""

from bisect import bisect_left
from dataclasses import dataclass, field

from sipagent.media.frames import FRAME_MS

_NEVER = float("-inf")


@dataclass(slots=True)
class Activity:
    """Times are ms on the clock of whoever adds, in order."""

    #: when each loud frame began
    loud: list[float] = field(default_factory=list)
    newest: float = _NEVER

    def add(self, at: float, loud: bool) -> None:
        """A frame that began at `at`."""
        self.newest = at
        if loud:
            self.loud.append(at)

    @property
    def last(self) -> float:
        """The end of the newest loud frame; minus infinity where there was none."""
        return self.loud[-1] + FRAME_MS if self.loud else _NEVER

    def onset(self, since: float) -> float | None:
        """The first loud frame from `since` on."""
        index = bisect_left(self.loud, since)
        return self.loud[index] if index < len(self.loud) else None

    def silent(self, since: float, quiet_ms: float) -> float | None:
        """When the sound that went on at `since` ended: `since` where there was none, None where
        no gap of `quiet_ms` has come yet.
        """
        end = since
        for at in self.loud[bisect_left(self.loud, since) :]:
            if at - end >= quiet_ms:
                return end
            end = at + FRAME_MS
        return end if self.newest + FRAME_MS - end >= quiet_ms else None
