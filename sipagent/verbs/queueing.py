"""Verbs of queues: enter_queue, serve_queue."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.leg import Leg
from sipagent.call.meeting import Meet, Notice, Over, Ring, Serve, Standing, Wait
from sipagent.call.services import Place
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.tasks import stopped

from .documents import leave_for
from .flow import remember
from .meeting import LEFT, WAITING, Text, Urls, party, placed, pressed, teller, together_in, until
from .playing import play_all, ringing, sound_port
from .ringing import LONGEST, Callee, Hunt, NobodyAnswered, join, longest, together
from .statuses import Status
from .waiting import CallerGone, answered, while_caller_stays
from .words import who

_NAME = r"^[A-Za-z0-9_.+-]{1,64}$"
_KEY = r"^[0-9*#A-D]$"


@dataclass(frozen=True, slots=True)
class _End:
    """How waiting ended: `reason` is timeout, left or failed."""

    reason: str
    words: str


class _Waiting:
    """One caller's time in the queue, until somebody takes them."""

    def __init__(
        self, verb: "EnterQueueVerb", call: CallSession, place: Place, hunt: Hunt, told: Status
    ) -> None:
        self._report = told
        self._verb = verb
        self._call = call
        self._place = place
        self._hunt = hunt
        self._standing: Standing | None = None
        self._ringing: asyncio.Future[tuple[Leg, Callee]] | None = None
        self._notice: asyncio.Future[Notice] | None = None
        self._tell = teller(call, "queue", verb.queue_name)

    async def taken(self) -> tuple[Leg, Callee] | Meet | _End:
        """Whoever takes the caller: a member that was rung, or a call that serves the queue."""
        entertaining = asyncio.ensure_future(self._entertain())
        patience = asyncio.ensure_future(asyncio.sleep(self._verb.wait_time))
        key = asyncio.ensure_future(pressed(self._call, self._verb.exit_key))
        try:
            while True:
                if self._notice is None:
                    self._notice = asyncio.ensure_future(self._place.notice())
                waits: set[asyncio.Future[Any]] = {patience, key, self._notice}
                if self._ringing is not None:
                    waits.add(self._ringing)
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                end = self._looked(patience, key)
                if end is not None:
                    return end
        finally:
            await stopped(entertaining, patience, key, self._ringing, self._notice)

    def _looked(
        self, patience: "asyncio.Future[Any]", key: "asyncio.Future[Any]"
    ) -> tuple[Leg, Callee] | Meet | _End | None:
        # A member who has answered comes first: nobody answers a telephone for nothing.
        if self._ringing is not None and self._ringing.done():
            rung, self._ringing = self._ringing, None
            try:
                leg, callee = rung.result()
            except NobodyAnswered as error:
                self._tell(change="unanswered", detail=str(error))
                self._place.report(None)
            else:
                self._place.report(callee.to)
                return leg, callee
        if self._notice is not None and self._notice.done():
            notice, self._notice = self._notice.result(), None
            if isinstance(notice, Meet):
                return notice
            if isinstance(notice, Over):
                return _End("failed", notice.reason)
            self._told(notice)
        if key.done():
            return _End(LEFT, "the caller left the queue")
        if patience.done():
            return _End("timeout", f"nobody was free in {self._verb.wait_time:g} seconds")
        return None

    def _told(self, notice: Notice) -> None:
        if isinstance(notice, Standing):
            self._standing = notice
            self._tell(change="standing", count=notice.position, detail=f"of {notice.size}")
            remember(self._call, queue_position=notice.position, queue_size=notice.size)
            about = {} if notice.seconds is None else {"avg_time": round(notice.seconds)}
            self._report.tell(
                status="position", position=notice.position, size=notice.size, **about
            )
        elif isinstance(notice, Ring):
            self._tell(change="ringing", other=", ".join(notice.targets))
            group = [
                Callee(target, notice.seconds, caller_id=self._verb.caller_id)
                for target in notice.targets
            ]
            self._ringing = asyncio.ensure_future(self._hunt.in_turn([group]))

    async def _entertain(self) -> None:
        """Music, and now and then where the caller stands."""
        every, said = self._verb.announce_every, None
        while True:
            if every and self._standing is not None and self._standing != said:
                said = self._standing
                await self._announce(said)
            async with ringing(self._call, self._verb.wait_url):
                await asyncio.sleep(every or self._verb.wait_time)

    async def _announce(self, standing: Standing) -> None:
        try:
            async with sound_port(self._call, "place") as port:
                await play_all(self._call, port, (f"say:{words(standing)}",))
        except CallError as error:
            self._call.emit(Warned, code="announcement", detail=str(error))


def words(standing: Standing) -> str:
    """Where somebody stands, as they are told."""
    place = "You are next." if standing.position == 1 else f"You are number {standing.position}."
    if standing.seconds is None or standing.seconds < 30:
        return place
    minutes = round(standing.seconds / 60) or 1
    return f"{place} It will take about {minutes} minute{'s' * (minutes > 1)}."


class EnterQueueVerb(Verb):
    """Put the caller into a queue until somebody takes them.

    Sets queue_result (connected, timeout, left, failed), queue_failed_reason and queue_wait.
    """

    name: ClassVar[str] = "enter_queue"
    shorthand: ClassVar[str | None] = "queue_name"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("queue_name",)
    tool_extras: ClassVar[tuple[str, ...]] = ("wait_time", "exit_key", "announce_every")
    after_speech: ClassVar[bool] = True
    queue_name: Text = Field(pattern=_NAME)
    transfer_after_bridge: str | None = Field(
        default=None, description="the section or URL that follows once the caller was served"
    )
    wait_url: Urls = Field(default=WAITING, description="what the caller hears meanwhile")
    wait_time: float = Field(default=3600, gt=0, le=86_400, description="seconds")
    exit_key: Text | None = Field(default=None, pattern=_KEY, description="the key that leaves it")
    announce_every: float = Field(
        default=30, ge=0, le=3600, description="seconds between words about the place; 0: none"
    )
    caller_id: str | None = Field(
        default=None, alias="from", description="the number members of the queue are shown"
    )
    status_url: str | None = Field(default=None, description="told of coming, waiting and going")

    @property
    def targets(self) -> tuple[str, ...]:
        """The queue. Its members are sipagent.yaml's own choice."""
        return (f"queue:{self.queue_name}",)

    @property
    def question(self) -> str:
        """Asks by name."""
        return f"Shall I put you into the queue {self.queue_name}?"

    async def run(self, control: CallControl) -> Outcome:
        """Wait, and talk with whoever takes the caller."""
        call = control.call
        await answered(call)
        told = self._status(call)
        began = call.bridge.clock.t
        remember(call, queue_result="failed", queue_failed_reason="", queue_position=0)
        try:
            async with (
                call.aside(),
                placed(call, Wait(queue=self.queue_name, who=party(call))) as (place, _),
                Hunt(call) as hunt,
            ):
                work = self._served(control, place, hunt, began)
                return await while_caller_stays(call, work)
        except CallerGone as gone:
            told.tell(status="leave", reason="hangup")
            teller(call, "queue", self.queue_name)(change="left", detail=str(gone))
            raise
        except CallError as error:
            told.tell(status="leave", reason="failed")
            remember(call, queue_failed_reason=str(error))
            raise

    def _status(self, call: CallSession) -> Status:
        about = {"control_id": call.posts.number("queue"), "name": self.queue_name}
        return Status(call, self.status_url, "calling.call.queue", about)

    async def _served(self, control: CallControl, place: Place, hunt: Hunt, began: int) -> Outcome:
        call = control.call
        tell, told = teller(call, "queue", self.queue_name), self._status(call)
        tell(change="waiting")
        told.tell(status="enqueue")
        taker = await _Waiting(self, call, place, hunt, told).taken()
        waited = (call.bridge.clock.t - began) / 1000
        remember(call, queue_wait=round(waited, 1))
        if isinstance(taker, _End):
            remember(call, queue_result=taker.reason, queue_failed_reason=taker.words)
            tell(change="over", detail=taker.words)
            told.tell(status="leave", reason=taker.reason, duration=round(waited, 1))
            return Outcome(False, taker.words, status=480)
        remember(call, queue_result="connected")
        told.tell(status="dequeue", duration=round(waited, 1))
        if isinstance(taker, Meet):
            other, why = taker.other, await together_in(call, place, taker, tell)
        else:
            leg, callee = taker
            other, why = who(callee.to), "they parted"
            tell(change="met", other=callee.to)
            join(call, leg)
            await together(call, leg, longest(control, LONGEST))
        tell(change="over", detail=why)
        told.tell(status="leave", reason="served")
        dest = self.transfer_after_bridge
        flow = await leave_for(control, dest) if dest else None
        detail = f"was with {other or 'somebody'} after {waited:.0f} seconds in the queue"
        return Outcome(detail=detail, status=200, flow=flow)


class ServeQueueVerb(Verb):
    """Talk to the caller who waits longest in a queue, or to the next to come.

    Sets serve_result (connected, timeout, left, failed).
    """

    name: ClassVar[str] = "serve_queue"
    shorthand: ClassVar[str | None] = "queue_name"
    queue_name: Text = Field(pattern=_NAME)
    wait_url: Urls = Field(default=WAITING, description="what is heard while nobody waits")
    wait_time: float = Field(default=3600, gt=0, le=86_400, description="seconds")
    exit_key: Text | None = Field(
        default=None, pattern=_KEY, description="the key that ends waiting or the talk"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """The queue, for the policy."""
        return (f"queue:{self.queue_name}",)

    async def run(self, control: CallControl) -> Outcome:
        """Take one caller; the plan may come back for the next."""
        call = control.call
        await answered(call)
        remember(call, serve_result="failed")
        async with (
            call.aside(),
            placed(call, Serve(queue=self.queue_name, who=party(call))) as (place, _),
        ):
            return await while_caller_stays(call, self._serving(call, place))

    async def _serving(self, call: CallSession, place: Place) -> Outcome:
        tell = teller(call, "queue", self.queue_name)
        patience = asyncio.ensure_future(asyncio.sleep(self.wait_time))
        key = asyncio.ensure_future(pressed(call, self.exit_key))
        ends: Sequence[asyncio.Future[Any]] = (patience, key)
        try:
            async with ringing(call, self.wait_url):
                meet = await until(place, (Meet, Over), ends)
            left = key.done()
        finally:
            await stopped(*ends)
        if not isinstance(meet, Meet):
            remember(call, serve_result=LEFT if left else "timeout")
            return Outcome(False, f"nobody waits in the queue {self.queue_name}", status=480)
        remember(call, serve_result="connected")
        why = await together_in(call, place, meet, tell, self.exit_key)
        tell(change="over", detail=why)
        return Outcome(detail=f"was with {meet.other or 'a caller'}: {why}", status=200)


QUEUEING: tuple[type[Verb], ...] = (EnterQueueVerb, ServeQueueVerb)
