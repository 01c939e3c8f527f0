"""Parking: slots that calls stand in until somebody retrieves them."""

from collections.abc import Sequence

from sipagent.call.meeting import Park, Refused, Retrieve, Seated

from .holder import Holder, Rooms
from .pairs import Pairs


class Parking:
    """`slots` are those there are, in the order they are given out."""

    def __init__(self, rooms: Rooms, slots: Sequence[str]) -> None:
        self._slots = slots
        self._parked: dict[str, Holder] = {}
        self._pairs = Pairs(rooms)

    def __len__(self) -> int:
        return len(self._parked)

    def seat(self, holder: Holder, *, again: bool = False) -> None:
        """See `Registry`."""
        if again and holder.room:
            holder.tell(Seated())
            self._pairs.rejoin(holder)
        elif isinstance(holder.wish, Retrieve):
            self._retrieve(holder, holder.wish.slot)
        else:
            assert isinstance(holder.wish, Park)
            self._park(holder, holder.wish.slot)

    def reported(self, holder: Holder, answered: str | None) -> None:
        """Nobody is rung here."""

    def leave(self, holder: Holder) -> None:
        """See `Registry`."""
        for slot, parked in tuple(self._parked.items()):
            if parked is holder:
                del self._parked[slot]
        self._pairs.part(holder)

    def _park(self, holder: Holder, wanted: str | None) -> None:
        slot = wanted or next((s for s in self._slots if s not in self._parked), None)
        if slot is None:
            holder.tell(Refused(status=503, reason="every parking slot is taken"))
        elif slot not in self._slots:
            holder.tell(Refused(status=404, reason=f"there is no parking slot {slot}"))
        elif slot in self._parked:
            holder.tell(Refused(status=486, reason=f"the parking slot {slot} is taken"))
        else:
            self._parked[slot] = holder
            holder.tell(Seated(slot=slot))

    def _retrieve(self, holder: Holder, slot: str) -> None:
        parked = self._parked.pop(slot, None)
        if parked is None:
            holder.tell(Refused(status=404, reason=f"nobody is parked at {slot}"))
            return
        holder.tell(Seated(slot=slot))
        self._pairs.join(parked, holder)
