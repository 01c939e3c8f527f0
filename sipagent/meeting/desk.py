"""MeetingDesk: the gateway's side of every place that calls hold among each other."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from sipagent.call.meeting import Attend, Meet, Notice, Park, Refused, Retrieve, Serve, Wait, Wish
from sipagent.config import Parking as ParkingSettings
from sipagent.config import Queue as QueueSettings

from .conferences import Conferences
from .holder import Holder, Registry
from .parking import Parking
from .queues import Queues

log = structlog.get_logger(__name__)

#: places one call may hold at once
PLACES = 8


@dataclass(frozen=True, slots=True)
class Before:
    """What a call had from a gateway that is no more: for how long, and in which room it meets."""

    seconds: float
    room: str


class Mixing(Protocol):
    """Where calls hear each other, as the desk needs it."""

    address: str
    #: whether calls are meeting now
    in_use: Callable[[], bool]

    def want(self) -> None:
        """Calls are about to meet."""
        ...

    async def leave(self) -> None:
        """Let it go on without us. Idempotent."""
        ...

    async def close(self) -> None:
        """End it. Idempotent."""
        ...


class Desk(Protocol):
    """Whoever calls ask for places."""

    def asked(
        self,
        token: str,
        place: int,
        wish: Wish,
        tell: Callable[[Notice], None],
        *,
        before: Before | None = None,
    ) -> None:
        """A call wishes for a place, or had it `before`; whatever becomes of it is told."""
        ...

    def reported(self, token: str, place: int, answered: str | None) -> None:
        """How it came out when a queue's members were rung."""
        ...

    def left(self, token: str, place: int) -> None:
        """A call gives a place back; nothing if it had none."""
        ...

    def gone(self, token: str) -> None:
        """A call is over, however: nothing of it stays."""
        ...

    async def leave(self) -> None:
        """Calls go on meeting without us. Idempotent."""
        ...

    async def close(self) -> None:
        """End it. Idempotent."""
        ...


class MeetingDesk:
    """Places by call (a worker's token) and the call's own number for them."""

    def __init__(
        self,
        mixer: Mixing,
        queues: Mapping[str, QueueSettings],
        parking: ParkingSettings,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._holders: dict[str, dict[int, Holder]] = {}
        self.mixer = mixer
        mixer.in_use = lambda: self.meeting > 0
        self.conferences = Conferences(self._room)
        self.parking = Parking(self._room, parking.slots)
        self.queues = Queues(queues, self._room, now)

    @property
    def places(self) -> int:
        """Places held."""
        return sum(len(held) for held in self._holders.values())

    @property
    def meeting(self) -> int:
        """Places whose holders are in a room."""
        return sum(bool(h.room) for held in self._holders.values() for h in held.values())

    def asked(
        self,
        token: str,
        place: int,
        wish: Wish,
        tell: Callable[[Notice], None],
        *,
        before: Before | None = None,
    ) -> None:
        """See `Desk`."""
        held = self._holders.setdefault(token, {})
        if place in held or len(held) >= PLACES:
            log.error("place_asked_twice_or_too_many", worker=token, place=place)
            tell(Refused(status=503, reason=f"a call may hold {PLACES} places"))
            return

        def told(notice: Notice) -> None:
            tell(notice)
            if holder.over:
                self.left(token, place)

        holder = Holder(wish, told, self._now() - (before.seconds if before else 0.0))
        held[place] = holder
        if before is not None:
            holder.room = before.room
        self._registry(wish).seat(holder, again=before is not None)

    def reported(self, token: str, place: int, answered: str | None) -> None:
        """See `Desk`."""
        holder = self._holders.get(token, {}).get(place)
        if holder is not None:
            self._registry(holder.wish).reported(holder, answered)

    def left(self, token: str, place: int) -> None:
        """See `Desk`."""
        held = self._holders.get(token, {})
        holder = held.pop(place, None)
        if not held:
            self._holders.pop(token, None)
        if holder is not None:
            holder.room = ""
            self._registry(holder.wish).leave(holder)

    def gone(self, token: str) -> None:
        """See `Desk`."""
        for place in list(self._holders.get(token, {})):
            self.left(token, place)

    async def leave(self) -> None:
        """See `Desk`."""
        self.queues.close()
        await self.mixer.leave()

    async def close(self) -> None:
        """See `Desk`."""
        self.queues.close()
        await self.mixer.close()

    def _registry(self, wish: Wish) -> Registry:
        match wish:
            case Attend():
                return self.conferences
            case Park() | Retrieve():
                return self.parking
            case Wait() | Serve():
                return self.queues

    def _room(self, name: str, other: str) -> Meet:
        """A place to meet, with a mixer under it."""
        self.mixer.want()
        return Meet(room=name or uuid.uuid4().hex, address=self.mixer.address, other=other)
