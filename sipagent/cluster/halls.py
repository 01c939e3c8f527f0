"""Halls: the places of this node's calls among others, wherever those are.

A conference, a queue, and all of parking is a hall; one node, its home, holds it as a whole: the
one that has the lease of its name. Wishes and notices pass over the bus; a call that meets others
at another node goes there by SIP, to an address that is good once.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from sipagent.call.meeting import Meet, Notice, Over, Refused, Wish
from sipagent.errors import SipAgentError
from sipagent.meeting.desk import Before, MeetingDesk
from sipagent.tasks import stopped

from .bus import Bus, BusAway, BusError
from .host import Host
from .leases import Leases
from .places import Answered, News, Roll, Spot, Strangers, Vacated, Wished, Word, hall_of

log = structlog.get_logger(__name__)

#: seconds in which it must be known who holds a hall, and between looks whether it is
_PATIENCE, _LOOK = 4.0, 0.05
#: the same for a call that is in it since before this process: our own lease must run out first
_AGAIN = 10.0
#: seconds between rolls, and for an answer to one
_ROLL, _ANSWER = 3.0, 2.0
#: seconds in which the calls of a gateway before us have said again what they have
_SETTLE = 10.0
#: rolls without an answer after which a home is lost
_LOST = 5


@dataclass(slots=True)
class _Far:
    """A place at another node, or at one not known yet (no `home`): what is said then waits."""

    wished: Wished
    tell: Callable[[Notice], None]
    since: float
    home: str = ""
    room: str = ""
    waiting: list[Answered | Vacated] = field(default_factory=list)

    @property
    def hall(self) -> str:
        """What it is in."""
        return hall_of(self.wished.wish)


class Halls:
    """The `Desk` of all nodes; the `MeetingDesk` it owns has what is held here."""

    def __init__(
        self,
        me: str,
        desk: MeetingDesk,
        bus: Bus,
        leases: Leases,
        host: Host,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._me = me
        self._desk = desk
        self._bus = bus
        self._leases = leases
        self._host = host
        self._now = now
        self._far: dict[Spot, _Far] = {}
        #: places of our own calls that are held here, by hall
        self._near: dict[str, set[Spot]] = defaultdict(set)
        self._unanswered: dict[str, int] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        host.changed = self._changed
        host.serve(me)
        bus.subscribe(f"meetings.{me}.news", News, self._heard)

    def start(self) -> None:
        """Keep the homes of our calls' places told of them."""
        self._begin(self._call_rolls())

    def asked(
        self,
        token: str,
        place: int,
        wish: Wish,
        tell: Callable[[Notice], None],
        *,
        before: Before | None = None,
    ) -> None:
        """See `Desk`; the answer may take as long as it takes to find the home."""
        spot = Spot(token=token, place=place)
        wished = Wished(
            spot=spot,
            wish=wish,
            seconds=before.seconds if before is not None else None,
            room=before.room if before is not None else "",
        )
        self._far[spot] = far = _Far(wished, tell, self._now() - (wished.seconds or 0.0))
        far.room = wished.room
        self._begin(self._settle(far))

    def reported(self, token: str, place: int, answered: str | None) -> None:
        """See `Desk`."""
        spot = Spot(token=token, place=place)
        if spot in self._far:
            self._say(self._far[spot], Answered(spot=spot, answered=answered))
        else:
            self._desk.reported(token, place, answered)

    def left(self, token: str, place: int) -> None:
        """See `Desk`."""
        spot = Spot(token=token, place=place)
        far = self._far.get(spot)
        if far is None:
            self._desk.left(token, place)
            self._outside(spot)
            return
        self._say(far, Vacated(spot=spot))
        if far.home:
            self._forget(far)

    def gone(self, token: str) -> None:
        """See `Desk`."""
        for spot in [spot for spot in self._far if spot.token == token]:
            self.left(token, spot.place)
        self._desk.gone(token)
        for spots in tuple(self._near.values()):
            for spot in [spot for spot in spots if spot.token == token]:
                self._outside(spot)

    async def leave(self) -> None:
        """See `Desk`."""
        await self._stop()
        await self._desk.leave()

    async def close(self) -> None:
        """See `Desk`."""
        await self._stop()
        await self._desk.close()

    async def _stop(self) -> None:
        await stopped(*self._jobs)

    async def _settle(self, far: _Far) -> None:
        """Find the home of a place and take the wish there."""
        spot = far.wished.spot
        try:
            again = far.wished.seconds is not None
            home = await self._home(far.hall, _AGAIN if again else _PATIENCE)
        except SipAgentError as error:
            self._far.pop(spot, None)
            self._changed(far.hall)
            far.tell(Refused(status=503, reason=str(error)))
            return
        if self._far.get(spot) is not far:
            return
        if home != self._me:
            far.home = home
            self._publish(far, far.wished)
            for said in far.waiting:
                self._publish(far, said)
            if any(isinstance(said, Vacated) for said in far.waiting):
                self._forget(far)
            return
        del self._far[spot]
        self._take_in(far)

    def _take_in(self, far: _Far) -> None:
        """Its home is here."""
        spot, wished = far.wished.spot, far.wished
        self._near[far.hall].add(spot)

        def tell(notice: Notice) -> None:
            far.tell(notice)
            if isinstance(notice, Over | Refused):
                self._outside(spot)

        before = Before(wished.seconds, wished.room) if wished.seconds is not None else None
        self._desk.asked(spot.token, spot.place, wished.wish, tell, before=before)
        for said in far.waiting:
            match said:
                case Answered():
                    self._desk.reported(spot.token, spot.place, said.answered)
                case Vacated():
                    self.left(spot.token, spot.place)

    async def _home(self, hall: str, patience: float) -> str:
        """Who holds it; we, where nobody does. Raises SipAgentError where that cannot be told."""
        lease = self._leases.hold(f"meeting:{hall}")
        ends = self._now() + patience
        while self._now() < ends:
            if lease.held:
                return self._me
            if lease.holder and lease.holder != self._me:
                return lease.holder
            await asyncio.sleep(_LOOK)
        raise SipAgentError(f"who holds {hall} cannot be told: {lease.why or 'no answer'}")

    def _heard(self, news: News) -> None:
        """The home of a place has news for its holder."""
        far = self._far.get(news.spot)
        if far is None:
            return
        if isinstance(news.notice, Meet):
            far.room = news.notice.room
        if isinstance(news.notice, Over | Refused):
            self._forget(far)
        far.tell(news.notice)

    def _say(self, far: _Far, said: Answered | Vacated) -> None:
        if far.home:
            self._publish(far, said)
        else:
            far.waiting.append(said)

    def _publish(self, far: _Far, said: Wished | Answered | Vacated) -> None:
        self._bus.publish(f"meetings.{far.home}.word", Word(node=self._me, said=said))

    def _forget(self, far: _Far) -> None:
        self._far.pop(far.wished.spot, None)
        self._changed(far.hall)

    def _outside(self, spot: Spot) -> None:
        """A call of ours has no place here any more."""
        for hall, spots in tuple(self._near.items()):
            if spot in spots:
                spots.discard(spot)
                self._changed(hall)

    def _changed(self, hall: str) -> None:
        """Let go of a hall that nobody is in."""
        wanted = (
            self._near.get(hall)
            or self._host.guests(hall)
            or any(far.hall == hall for far in self._far.values())
        )
        if not wanted:
            self._near.pop(hall, None)
            self._begin(self._leases.leave(f"meeting:{hall}"))

    async def _call_rolls(self) -> None:
        """Now and then: what was said while the bus was away, or to a home that died, is made good.
        Not at once: calls of a gateway before us have to say first what they have.
        """
        await asyncio.sleep(_SETTLE)
        while True:
            homes = {far.home for far in self._far.values() if far.home}
            await asyncio.gather(*(self._call_roll(home) for home in homes | {*self._unanswered}))
            self._host.look()
            await asyncio.sleep(_ROLL)

    async def _call_roll(self, home: str) -> None:
        ours = {spot: far for spot, far in self._far.items() if far.home == home}
        roll = Roll(node=self._me, spots=tuple(ours))
        try:
            answer = await self._bus.request(f"meetings.{home}.roll", roll, Strangers, _ANSWER)
        except BusAway:
            return  # we are the ones who hear nothing; what is heard by SIP goes on
        except BusError as error:
            self._unanswered[home] = self._unanswered.get(home, 0) + 1
            if self._unanswered[home] >= _LOST:
                log.error("home_lost", node=home, places=len(ours), cause=str(error))
                del self._unanswered[home]
                for far in ours.values():
                    self._forget(far)
                    far.tell(Over(reason=f"the node {home}, which held it, is gone"))
            return
        self._unanswered.pop(home, None)
        for spot in answer.spots:
            unknown = self._far.get(spot)
            if unknown is not None and unknown is ours.get(spot):
                seconds = self._now() - unknown.since
                told = {"seconds": seconds, "room": unknown.room}
                self._publish(unknown, unknown.wished.model_copy(update=told))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        job = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
