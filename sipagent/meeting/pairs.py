"""Pairs: two calls in a room of their own; when one goes, the other is told."""

from sipagent.call.meeting import Over

from .holder import Holder, Rooms

PARTED = "the other party left"


class Pairs:
    """Who is with whom."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._partner: dict[Holder, Holder] = {}
        #: met before this gateway began; the other one has not said so yet
        self._alone: dict[str, Holder] = {}

    def __len__(self) -> int:
        return len(self._partner) + len(self._alone)

    def join(self, one: Holder, other: Holder) -> None:
        """Let them meet."""
        self._partner[one], self._partner[other] = other, one
        room = self._rooms("", "").room
        one.tell(self._rooms(room, other.who))
        other.tell(self._rooms(room, one.who))

    def rejoin(self, holder: Holder) -> None:
        """It met somebody before this gateway began, in `holder.room`."""
        other = self._alone.pop(holder.room, None)
        if other is None:
            self._alone[holder.room] = holder
        else:
            self._partner[holder], self._partner[other] = other, holder
        holder.tell(self._rooms(holder.room, other.who if other else ""))

    def part(self, holder: Holder, reason: str = PARTED) -> bool:
        """It goes; True where it was with somebody, who has been told."""
        self._alone.pop(holder.room, None)
        other = self._partner.pop(holder, None)
        if other is None:
            return False
        del self._partner[other]
        other.tell(Over(reason=reason))
        return True
