"""Host: places at this node of calls that are at other nodes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sipagent.call.meeting import Meet, Notice, Over, Refused
from sipagent.meeting.desk import Before, MeetingDesk
from sipagent.worker.protocol import Visit

from .bus import Bus
from .passes import Passes
from .places import Answered, News, Roll, Spot, Strangers, Vacated, Wished, Word, hall_of

log = structlog.get_logger(__name__)

#: seconds before a place can be missed on a roll, which may have been written before it was had
_FRESH = 10.0


@dataclass(frozen=True, slots=True)
class _Guest:
    """A place of a call at another node."""

    node: str
    spot: Spot
    hall: str
    since: float

    @property
    def token(self) -> str:
        """The call, among those of the desk: no worker's token has a slash."""
        return f"{self.node}/{self.spot.token}"


class Host:
    """Takes other nodes' words to the desk, and the desk's notices back to them.

    `address` is where other nodes reach this one by SIP. Seconds of silence from a node after which
    its calls have lost their places here: `patience`. `changed` is told of each hall that may have
    its first guest or have lost its last.
    """

    def __init__(
        self,
        desk: MeetingDesk,
        bus: Bus,
        passes: Passes,
        address: Callable[[], str],
        *,
        patience: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changed: Callable[[str], None] = lambda hall: None
        self._desk = desk
        self._bus = bus
        self._passes = passes
        self._address = address
        self._patience = patience
        self._now = now
        self._guests: dict[tuple[str, Spot], _Guest] = {}
        self._heard: dict[str, float] = {}

    def serve(self, me: str) -> None:
        """Hear what other nodes say; before the bus starts."""
        self._bus.subscribe(f"meetings.{me}.word", Word, self.heard)
        self._bus.serve(f"meetings.{me}.roll", Roll, self._rolled)

    def guests(self, hall: str) -> int:
        """Places of other nodes' calls in it."""
        return sum(guest.hall == hall for guest in self._guests.values())

    def heard(self, word: Word) -> None:
        """A call at another node wishes for a place, has news of it, or gives it back."""
        self._heard[word.node] = self._now()
        match word.said:
            case Wished() as wished:
                self._seat(word.node, wished)
            case Answered(spot=spot, answered=answered):
                if (guest := self._guests.get((word.node, spot))) is not None:
                    self._desk.reported(guest.token, spot.place, answered)
            case Vacated(spot=spot):
                self._leave(word.node, spot)

    def look(self) -> None:
        """Nodes that were silent for too long have no guests here any more."""
        for guest in tuple(self._guests.values()):
            if self._now() - self._heard.get(guest.node, 0.0) > self._patience:
                log.warning("guest_lost", node=guest.node, hall=guest.hall)
                self._leave(guest.node, guest.spot)

    async def _rolled(self, roll: Roll) -> Strangers:
        """A node says which places its calls have here."""
        now = self._now()
        self._heard[roll.node] = now
        listed = set(roll.spots)
        for guest in tuple(self._guests.values()):
            stale = guest.node == roll.node and guest.spot not in listed
            if stale and now - guest.since > _FRESH:
                self._leave(guest.node, guest.spot)
        strangers = (spot for spot in roll.spots if (roll.node, spot) not in self._guests)
        return Strangers(spots=tuple(strangers))

    def _seat(self, node: str, wished: Wished) -> None:
        spot = wished.spot
        if (node, spot) in self._guests:
            return  # its gateway is a new one, and says again what we know
        guest = _Guest(node, spot, hall_of(wished.wish), self._now())
        self._guests[node, spot] = guest

        def tell(notice: Notice) -> None:
            told = News(spot=spot, notice=self._abroad(notice, guest.hall))
            self._bus.publish(f"meetings.{node}.news", told)
            if isinstance(notice, Over | Refused):
                self._forget(guest)

        before = Before(wished.seconds, wished.room) if wished.seconds is not None else None
        self._desk.asked(guest.token, spot.place, wished.wish, tell, before=before)
        self.changed(guest.hall)

    def _abroad(self, notice: Notice, hall: str) -> Notice:
        """A notice as another node's call can follow it: a room is an address to be called."""
        if not isinstance(notice, Meet):
            return notice
        number = self._passes.issue(Visit(meet=notice, hall=hall))
        return notice.model_copy(update={"address": f"sip:{number}@{self._address()}"})

    def _leave(self, node: str, spot: Spot) -> None:
        guest = self._guests.get((node, spot))
        if guest is not None:
            self._forget(guest)
            self._desk.left(guest.token, spot.place)

    def _forget(self, guest: _Guest) -> None:
        self._guests.pop((guest.node, guest.spot), None)
        self.changed(guest.hall)
