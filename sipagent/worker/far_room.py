"""FarRoom: a call's audio port in a room that another node's mixer holds, by a SIP leg."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from sipagent.call.dial import Dial
from sipagent.call.leg import Leg, LegState
from sipagent.call.meeting import Meet
from sipagent.call.session import CallSession
from sipagent.call.target import routable
from sipagent.errors import LegFailed
from sipagent.media.port import AudioPort
from sipagent.meeting.trimming import Trimmer
from sipagent.tasks import stopped
from sipagent.verbs.waiting import drop

#: seconds the other node may take to answer
PATIENCE = 10.0
#: ms after which what a port heard is not worth passing on any more
_STALE = 100


class FarRoom:
    """As `meeting.link.RoomLink`, where `meet.address` is a SIP URI of the node that holds the
    room. The leg belongs to the call, and ends with it; `lost` has the reason once it is gone.
    """

    def __init__(
        self, call: CallSession, port: AudioPort, meet: Meet, on_change: Callable[[str], None]
    ) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.muted = False
        self._call = call
        self._port = port
        self._meet = meet
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        await stopped(self._task)

    async def _keep(self) -> None:
        try:
            leg = await self._call.dial(Dial(routable(self._meet.address)))
        except LegFailed as failed:
            self._lose(f"the node of the room cannot be called: {failed}")
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await leg.wait(LegState.CONFIRMED)
            await self._carry(leg)
            self._lose("the node of the room hung up")
        except TimeoutError:
            self._lose("the node of the room did not answer")
        except LegFailed as failed:
            self._lose(f"the node of the room did not take the call: {failed}")
        finally:
            await drop(self._call, leg)

    async def _carry(self, leg: Leg) -> None:
        """Until the leg has ended."""
        bridge = self._call.bridge
        far = bridge.open_port("far room")
        bridge.connect(leg, far)
        bridge.connect(far, leg)
        pumps = [
            asyncio.create_task(_pump(self._port, far, lambda: not self.muted)),
            asyncio.create_task(_pump(far, self._port, lambda: True)),
        ]
        try:
            with suppress(LegFailed):
                await leg.wait(LegState.DISCONNECTED)
        finally:
            await stopped(*pumps)
            bridge.close_port(far)

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self._on_change("lost")
            self.lost.set_result(why)


async def _pump(heard: AudioPort, said: AudioPort, wanted: Callable[[], bool]) -> None:
    """What one port hears the other says, as live as it is."""
    trimmer = Trimmer()
    async for frame in heard.frames():
        late = heard.clock.t - frame.t > _STALE
        if wanted() and not late and trimmer.admit(said.position - said.played):
            await said.play(frame.pcm)
