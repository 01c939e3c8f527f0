"""Bans: sources that get no answer, each until a time."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

#: held at once; more: the oldest goes
ROOM = 10_000
#: a source that comes back is banned for twice as long, up to this many times as long
_LONGEST = 24


class Ban(BaseModel):
    """One source; `until` and `since` are Unix time, `times` how often it was banned in a row."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str
    why: str
    since: float
    until: float
    times: int = 1

    @property
    def ends(self) -> datetime:
        """When it is over."""
        return datetime.fromtimestamp(self.until, UTC)


class Bans:
    """By source. One that has ended is remembered as long again, for those who come back."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}
        #: changes whenever they do
        self.version = 0

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(list(self._bans.values()))

    def holds(self, source: str, now: float) -> bool:
        """True while it is banned."""
        ban = self._bans.get(source)
        return ban is not None and ban.until > now

    def add(self, source: str, why: str, seconds: float, now: float) -> Ban:
        """Ban it; for longer each time."""
        before = self._bans.get(source)
        times = before.times + 1 if before is not None else 1
        seconds *= min(2 ** (times - 1), _LONGEST)
        ban = Ban(source=source, why=why, since=now, until=now + seconds, times=times)
        self._bans.pop(source, None)
        self._bans[source] = ban
        if len(self._bans) > ROOM:
            del self._bans[next(iter(self._bans))]
        self.version += 1
        return ban

    def replace(self, bans: Iterator[Ban] | list[Ban]) -> None:
        """These and no others."""
        self._bans = {ban.source: ban for ban in bans}
        self.version += 1

    def lift(self, source: str) -> bool:
        """Forgive; False when it was not banned."""
        lifted = self._bans.pop(source, None) is not None
        self.version += lifted
        return lifted

    def sweep(self, now: float) -> None:
        """Forget those that ended as long ago as they lasted."""
        over = [b.source for b in self if b.until + (b.until - b.since) <= now]
        for source in over:
            del self._bans[source]
        self.version += bool(over)
