"""Several fake calls that meet: the gateway's own desk, and a mixer without a process or socket."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sipagent.call.meeting import Meet
from sipagent.call.verb import Outcome
from sipagent.config import Parking, Queue
from sipagent.media.frames import FRAME_MS
from sipagent.media.port import AudioPort
from sipagent.meeting.desk import Before, Desk, MeetingDesk
from sipagent.meeting.mixing import Mix, Seat
from sipagent.tasks import stopped
from sipagent.verbs import VERBS
from sipagent.worker.meetings import GatewayMeetings, Way
from sipagent.worker.protocol import Asked, Left, Meeting, Reported, Told

from .fakes import FakeCall, a_call


class _Link:
    """See `call.services.Link`."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.muted = False


class LocalMixer:
    """Rooms that are mixed on the running loop, every 20 ms of its time."""

    def __init__(self) -> None:
        self.address = "local"
        self.in_use: Callable[[], bool] = lambda: False
        self.links: list[_Link] = []
        self._rooms: dict[str, Mix] = defaultdict(Mix)
        self._ports: dict[Seat, AudioPort] = {}
        self._task: asyncio.Task[None] | None = None

    def want(self) -> None:
        """See `Mixing`."""

    async def leave(self) -> None:
        """See `Mixing`."""

    async def close(self) -> None:
        """See `Mixing`."""
        await stopped(self._task)

    @asynccontextmanager
    async def link(self, port: AudioPort, room: str) -> AsyncIterator[_Link]:
        """A port in a room."""
        link, seat = _Link(), self._rooms[room].join(port.rate)
        self._ports[seat] = port
        self.links.append(link)
        if self._task is None:
            self._task = asyncio.ensure_future(self._tick())
        speaking = asyncio.ensure_future(_speak(port, seat, link))
        try:
            yield link
        finally:
            speaking.cancel()
            self._rooms[room].leave(seat)
            del self._ports[seat]
            self.links.remove(link)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(FRAME_MS / 1000)
            for mix in list(self._rooms.values()):
                for seat, pcm in mix.tick() if mix else ():
                    port = self._ports[seat]
                    if port.position - port.played < 5:
                        await port.play(pcm)


async def _speak(port: AudioPort, seat: Seat, link: _Link) -> None:
    async for frame in port.frames():
        if not link.muted:
            seat.said(frame.pcm)


class _Meetings(GatewayMeetings):
    """A call's end, without a channel."""

    def __init__(self, send: Callable[[Meeting], None], mixer: LocalMixer) -> None:
        super().__init__(send)
        self._mixer = mixer

    def link(  # type: ignore[override]
        self, port: AudioPort, meet: Meet, on_change: Callable[[str], None]
    ) -> object:
        """See `Meetings`."""
        if self.far is not None and meet.address != self._mixer.address:
            return self.far(port, meet, on_change)
        return self._mixer.link(port, meet.room)


class House:
    """Calls that may meet. To be made on a running VirtualLoop."""

    def __init__(
        self,
        queues: Mapping[str, Queue] | None = None,
        parking: Parking | None = None,
    ) -> None:
        self.mixer = LocalMixer()
        self.queues = dict(queues or {})
        self._parking = parking or Parking(first=701, last=703)
        self.desk = self._desk()
        #: who is asked for places, where that is not the desk itself
        self.halls: Desk = self.desk
        #: how calls get into rooms that are elsewhere
        self.far: Way | None = None
        self.calls: list[FakeCall] = []
        self._ends: dict[str, GatewayMeetings] = {}

    def call(self, who: str = "", **more: object) -> FakeCall:
        """One more incoming call."""
        call = a_call(meetings=self.door(), **more)  # type: ignore[arg-type]
        if who:
            call.caller.info = replace(call.caller.info, remote=f"sip:{who}@example.com")
        self.calls.append(call)
        return call

    def door(self) -> GatewayMeetings:
        """What one more call has of this house: its `Meetings`."""
        token = f"worker{len(self._ends) + 1}"
        loop = asyncio.get_running_loop()
        end = _Meetings(lambda message: _soon(loop, self._heard, token, message), self.mixer)
        end.far = self.far
        self._ends[token] = end
        return end

    def restart(self) -> None:
        """A new gateway, to which every call says what it has."""
        self.desk = self.halls = self._desk()
        for end in self._ends.values():
            end.announce()

    async def close(self) -> None:
        """End every call and stand still."""
        for call in self.calls:
            await call.close()
        for token in self._ends:
            self.halls.gone(token)
        await self.mixer.close()

    def _desk(self) -> MeetingDesk:
        loop = asyncio.get_running_loop()
        return MeetingDesk(self.mixer, self.queues, self._parking, now=loop.time)

    def _heard(self, token: str, message: Meeting) -> None:
        match message:
            case Asked():
                loop = asyncio.get_running_loop()
                end = self._ends[token]
                before = Before(message.seconds, message.room) if message.again else None
                self.halls.asked(
                    token,
                    message.place,
                    message.wish,
                    lambda notice: _soon(loop, end.told, Told(place=message.place, notice=notice)),
                    before=before,
                )
            case Reported():
                self.halls.reported(token, message.place, message.answered)
            case Left():
                self.halls.left(token, message.place)


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *told: object) -> None:
    """As over a channel: not before the one who speaks goes on."""
    loop.call_soon(function, *told)


def do(
    call: FakeCall, verb: str, by: str = "dialplan", **arguments: Any
) -> "asyncio.Future[Outcome]":
    """Begin a verb of a call's; without policies everything is permitted."""
    return asyncio.ensure_future(call.control(by).do(VERBS[verb].model_validate(arguments)))


def values(call: FakeCall) -> dict[str, Any]:
    """The variables of a call's plan."""
    found: dict[str, Any] = call.session.scope["vars"]
    return found


def dialled(call: FakeCall) -> list[str]:
    """Whom a call has called so far."""
    return [dial.target for dial in call.dialer.dialled]
