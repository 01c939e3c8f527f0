"""Meetings of one call: its places among other calls, asked for and kept at the gateway."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import count

from sipagent.call.meeting import Meet, Notice, Over, Refused, Seated, Wish
from sipagent.call.services import Link, Place
from sipagent.errors import CallError
from sipagent.media.port import AudioPort
from sipagent.meeting.link import RoomLink

from .protocol import Asked, Left, Meeting, Reported, Told

#: seconds for an answer of the gateway's
PATIENCE = 5.0

Send = Callable[[Meeting], None]
#: a port's way into a room: the port, where it meets others, and who is told of changes
Way = Callable[[AudioPort, Meet, Callable[[str], None]], AbstractAsyncContextManager[Link]]


class NotSeated(CallError):
    """The gateway refused the place."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Place:
    """See `call.services.Place`."""

    def __init__(self, number: int, wish: Wish, send: Send, forget: Callable[[int], None]) -> None:
        self.number = number
        self.wish = wish
        self.room = ""
        self._send = send
        self._forget = forget
        self._since = asyncio.get_running_loop().time()
        self._notices: asyncio.Queue[Notice] = asyncio.Queue()
        self._left = False

    def ask(self, *, again: bool = False) -> None:
        """Say the wish, or that it was granted by a gateway that is no more."""
        seconds = asyncio.get_running_loop().time() - self._since
        asked = Asked(
            place=self.number, wish=self.wish, again=again, room=self.room, seconds=seconds
        )
        self._send(asked)

    def told(self, notice: Notice) -> None:
        if isinstance(notice, Meet):
            if notice.room == self.room:
                return  # it is there already: a new gateway says so once more
            self.room = notice.room
        if isinstance(notice, Over | Refused):
            self._left = True
            self._forget(self.number)
        self._notices.put_nowait(notice)

    async def notice(self) -> Notice:
        return await self._notices.get()

    def report(self, answered: str | None) -> None:
        if not self._left:
            self._send(Reported(place=self.number, answered=answered))

    def leave(self) -> None:
        if not self._left:
            self._left = True
            self._forget(self.number)
            self._send(Left(place=self.number))


class GatewayMeetings:
    """See `call.services.Meetings`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        #: into rooms of other nodes, whose address is a SIP URI; the call's, once there is one
        self.far: Way | None = None
        self._numbers = count(1)
        self._places: dict[int, _Place] = {}

    async def take(self, wish: Wish) -> tuple[Place, Seated]:
        """See `Meetings`. Raises CallError."""
        number = next(self._numbers)
        place = _Place(number, wish, self._send, self._forget)
        self._places[number] = place
        place.ask()
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await place.notice()
        except TimeoutError as error:
            place.leave()
            raise NotSeated(504, "the gateway did not answer") from error
        except asyncio.CancelledError:
            place.leave()
            raise
        if isinstance(answer, Seated):
            return place, answer
        place.leave()
        if isinstance(answer, Refused):
            raise NotSeated(answer.status, answer.reason)
        raise NotSeated(500, answer.reason if isinstance(answer, Over) else "no answer")

    def link(
        self, port: AudioPort, meet: Meet, on_change: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Link]:
        """See `Meetings`."""
        if self.far is not None and meet.address.startswith("sip:"):
            return self.far(port, meet, on_change)
        return RoomLink(port, meet.address, meet.room, on_change)

    def told(self, message: Told) -> None:
        """Something happened to a place; one that was given back meanwhile is not interested."""
        place = self._places.get(message.place)
        if place is not None:
            place.told(message.notice)

    def announce(self) -> None:
        """Say to a new gateway what places this call holds."""
        for place in list(self._places.values()):
            place.ask(again=True)

    def _forget(self, number: int) -> None:
        self._places.pop(number, None)
