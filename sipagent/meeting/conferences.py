"""Conferences: who is in which, when it begins and ends, and who is told."""

from sipagent.call.meeting import Attend, Company, Over, Refused, Seated

from .holder import Holder, Rooms


class _Conference:
    def __init__(self) -> None:
        self.holders: list[Holder] = []
        #: where it meets; empty until somebody came with whom it may begin
        self.room = ""


class Conferences:
    """By name. One that is empty is forgotten."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._open: dict[str, _Conference] = {}

    def __len__(self) -> int:
        return len(self._open)

    def members(self, name: str) -> int:
        """How many are in it, waiting for its beginning or meeting."""
        return len(self._open[name].holders) if name in self._open else 0

    def seat(self, holder: Holder, *, again: bool = False) -> None:
        """See `Registry`."""
        wish = _attend(holder)
        conference = self._open.get(wish.name)
        if conference is not None and len(conference.holders) >= wish.most and not again:
            holder.tell(Refused(status=486, reason=f"the conference {wish.name} is full"))
            return
        conference = self._open.setdefault(wish.name, conference or _Conference())
        conference.holders.append(holder)
        count = len(conference.holders)
        holder.tell(Seated(members=count))
        if not again:
            self._tell_others(conference, holder, "entered", beep=wish.beep_on_enter)
        begins = not conference.room and (wish.start_on_enter or bool(holder.room))
        if begins:
            conference.room = self._rooms(holder.room, "").room
        if conference.room:
            for member in conference.holders if begins else [holder]:
                member.tell(self._rooms(conference.room, ""))

    def reported(self, holder: Holder, answered: str | None) -> None:
        """Nobody is rung here."""

    def leave(self, holder: Holder) -> None:
        """See `Registry`."""
        wish = _attend(holder)
        conference = self._open.get(wish.name)
        if conference is None or holder not in conference.holders:
            return
        conference.holders.remove(holder)
        if wish.end_on_exit or not conference.holders:
            del self._open[wish.name]
            for member in conference.holders:
                member.tell(Over(reason=f"{wish.who or 'its leader'} ended the conference"))
            return
        self._tell_others(conference, holder, "left", beep=wish.beep_on_exit)

    def _tell_others(
        self, conference: _Conference, holder: Holder, change: str, *, beep: bool
    ) -> None:
        notice = Company(
            change="entered" if change == "entered" else "left",
            who=holder.who,
            members=len(conference.holders),
            beep=beep,
        )
        for member in conference.holders:
            if member is not holder:
                member.tell(notice)


def _attend(holder: Holder) -> Attend:
    assert isinstance(holder.wish, Attend)
    return holder.wish
