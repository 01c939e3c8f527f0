"""CallSession: one conversation, its legs and its bridge, from INVITE to the last event."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sipagent.errors import LegFailed
from sipagent.events import (
    Base,
    CallEnded,
    DigitReceived,
    Event,
    MessageReceived,
    Speaker,
    Warned,
)
from sipagent.media.bridge import Bridge, Room
from sipagent.media.port import AudioPort
from sipagent.tasks import Background

from . import reasons
from .afterwork import Afterwork
from .consent import Consent
from .dial import Dial
from .driving import Driving
from .hold import Hold
from .keypad import Keypad, Texts
from .leg import Judge, Leg, LegState, let_go
from .leg_story import LegStory
from .live_agent import LiveAgent, TalkLog
from .overhearing import Overhearing
from .parties import Parties
from .posts import Posts
from .recordings import Recordings
from .redaction.redactor import Redactor
from .secrets import Secrets
from .services import Services
from .step import Program
from .taps import Taps
from .tracks import Tracks
from .usage import Spending
from .watchers import Watcher, Watchers

E = TypeVar("E", bound=Base)
T = TypeVar("T")
Emit = Callable[[Event], None]


@dataclass(slots=True)
class Times:
    """Wall clock (UTC) of a call; None for what did not happen yet."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    answered: datetime | None = None
    #: when the caller's last leg was gone
    left: datetime | None = None


class CallSession:
    """Holds what everybody in the call shares. Verbs act on it; only `CallControl` runs verbs."""

    def __init__(
        self,
        call_id: str,
        caller: Leg,
        bridge: Bridge,
        services: Services,
        emit: Emit,
        *,
        program: Program | None = None,
        variables: Mapping[str, Any] | None = None,
        beside: "CallSession | None" = None,
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.room = Room(bridge)
        self.services = services
        self.program: Program = program or {}
        #: `vars`, `call`, `params`, `envs`: the scope expressions see
        self.scope: dict[str, Any] = {"vars": {}, "params": {}, "envs": {}, **(variables or {})}
        self.done: Counter[str] = Counter()
        self.keys = Keypad()
        #: takes the caller's keys instead, and nobody is told them, while they type a secret
        self.private_keys: Keypad | None = None
        self.secrets = Secrets()
        #: what the caller wrote to the agent
        self.texts = Texts()
        self.consent = Consent(self, required=services.privacy.recording_consent == "required")
        self.recordings = Recordings(self)
        self.taps = Taps(self)
        self.tracks = Tracks(self)
        self.overhearing = Overhearing(self)
        self.legs: list[Leg] = []
        #: conferences the caller is in; set one to leave it
        self.conferences: dict[str, asyncio.Event] = {}
        self._other: Leg | None = None
        #: the hold a verb has put the caller on, if any
        self.hold: Hold | None = None
        #: the agent's port while an agent holds the caller's attention
        self.agent: AudioPort | None = None
        #: that agent, for everybody who has a word for it
        self.live_agent: LiveAgent | None = None
        #: what was said in the newest talk; it stays when that is over
        self.talk_log: TalkLog | None = None
        #: while the plan waits for the orders of a program outside
        self.driving: Driving | None = None
        #: what plays and can be paused, by control id
        self.playing: dict[str, AudioPort] = {}
        #: what the record waits for when the legs are gone
        self.afterwork = Afterwork()
        #: what URLs are told of this call
        self.posts = Posts(services.web, self.afterwork, self._not_told)
        #: who hung up on the caller, as `CallEnded.by` says it; None while nobody has
        self.hung_up_by: str | None = None
        self.spending = Spending()
        self._send = emit if isinstance(emit, Watchers) else Watchers(emit)
        self.times = Times()
        self._redactor = Redactor(services.privacy.redact)
        #: what becomes of a REFER; without one all are declined
        self.referee: Judge | None = None
        self._parties = Parties()
        self._tasks = Background()
        self._ended = False
        if beside is None:
            self.adopt(caller, "caller")
        else:
            self.done = beside.done
            self.secrets = beside.secrets
            self.consent = beside.consent
            self.posts = beside.posts
            self.recordings.files = beside.recordings.files
            self.spawn(self._read_keys(caller))
        self.room.join(caller)

    @property
    def bridge(self) -> Bridge:
        """The mixing matrix under the room."""
        return self.room.bridge

    @property
    def other(self) -> Leg | None:
        """The party the caller is bridged to at the moment, if any."""
        return self._other

    @other.setter
    def other(self, leg: Leg | None) -> None:
        self._other = leg
        self.tracks.follow()

    def emit(self, kind: type[E], **fields: Any) -> None:
        """Put an event on record, stamped with the call and the media clock."""
        fields.setdefault("t", self.bridge.clock.t)
        self._send(self._redactor.event(kind(call_id=self.id, **fields)))  # type: ignore[arg-type]

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell `watcher` of every event from now on, as it goes on record. Returns what ends it."""
        return self._send.add(watcher)

    def _not_told(self, problem: str) -> None:
        self.emit(Warned, code="not_told", detail=problem)

    def kept(self, text: str) -> str:
        """A text as it may be kept or sent beyond this call, where that is not by an event."""
        return self._redactor.text(text)

    def kept_data(self, data: Any) -> Any:
        """JSON data, every text in it as it may be kept or sent beyond this call."""
        return self._redactor.data(data)

    def for_model(self, text: str) -> str:
        """What the caller said or wrote, as the model may read it."""
        return self.kept(text) if self.services.privacy.redact_for_model else text

    def spawn(
        self, work: Coroutine[Any, Any, T], *, instead_of: str | None = None
    ) -> asyncio.Task[T]:
        """Run a coroutine that must not outlive the call. `instead_of` is a name of which only
        one runs: the newest.
        """
        task = self._tasks.hold(asyncio.ensure_future(work))
        if instead_of is not None:
            for other in self._tasks:
                if other.get_name() == instead_of:
                    other.cancel()
            task.set_name(instead_of)
        return task

    def adopt(self, leg: Leg, role: Speaker) -> None:
        """Count a leg as this call's: it is on record, and it ends with the call."""
        self.legs.append(leg)
        story = LegStory(role, self.emit)

        def changed(changed_leg: Leg) -> None:
            if changed_leg is self.caller:
                self._timed(changed_leg.state)
            if story.changed(changed_leg) and changed_leg.state is LegState.DISCONNECTED:
                self.room.leave(changed_leg)
                story.media(changed_leg)

        leg.on_change(changed)
        changed(leg)
        leg.on_refer(lambda who, what: self.referee(who, what) if self.referee else 603)
        if role == "caller":
            self.spawn(self._read_keys(leg))
        self.spawn(self._read_texts(leg))

    def _timed(self, state: LegState) -> None:
        if state is LegState.CONFIRMED and self.times.answered is None:
            self.times.answered = datetime.now(UTC)
        elif state is LegState.DISCONNECTED and self.times.left is None:
            self.times.left = datetime.now(UTC)

    async def dial(self, dial: Dial) -> Leg:
        """Send an INVITE; the leg belongs to this call but is not heard yet (join it to the
        room). Raises LegFailed.
        """
        leg = await self.services.dialer.dial(dial)
        self.adopt(leg, "callee")
        if self._ended:
            # the call ended while the INVITE was being sent: nobody else would end the leg
            await let_go(leg, str(self.parting()))
            raise LegFailed(487, "the call is over")
        return leg

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Take the agent out of the room for a while: it neither hears nor is heard. Whoever took
        it out first lets it in again.
        """
        port = self.agent if self.agent in self.room.members else None
        if port is not None:
            self.room.leave(port)
        try:
            yield
        finally:
            if port is not None and port is self.agent and not self._ended:
                self.room.join(port)

    @asynccontextmanager
    async def called_back(self) -> AsyncIterator[None]:
        """The agent in the room for so long, where it was taken aside: it has a question."""
        port = self.agent if self.agent not in self.room.members else None
        if port is not None:
            self.room.join(port)
        try:
            yield
        finally:
            if port is not None and port is self.agent and not self._ended:
                self.room.leave(port)

    @asynccontextmanager
    async def beside(self, leg: Leg) -> AsyncIterator["CallSession"]:
        """A conversation with another party of this call, in a room of its own, whose caller is
        `leg`. It begins with a copy of the variables. What it began ends with it; the leg stays.
        """
        variables = {**self.scope, "vars": dict(self.scope["vars"])}
        side = CallSession(
            self.id,
            leg,
            self.bridge,
            self.services,
            self._send,
            program=self.program,
            variables=variables,
            beside=self,
        )
        try:
            yield side
        finally:
            await side._close(reasons.NORMAL)
            side.room.leave(leg)

    def stand_in(self, new: Leg, old: Leg) -> None:
        """Let `new`, a leg of this call, have the place of `old` from now on."""
        self._parties.succeed(new, old)
        if old in self.room.members:
            self.room.leave(old)
            self.room.join(new)
        if old is self.other:
            self.other = new
            self.room.join(new)
        if old is self.caller:
            self.caller = new
            if self.room.shielded(old):
                self.room.shield(new)
            self.room.join(new)
            self.recordings.follow(new)
            self.taps.follow(new)
            self.tracks.follow()
            self.spawn(self._read_keys(new))

    def hand_over(self, leg: Leg, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run what is to give the place of `leg` to another: until it is done, nobody has left."""
        task = self._parties.handing[leg.info.id] = self.spawn(work)
        return task

    def handing(self, leg: Leg) -> bool:
        """True while the place of `leg` is being given to another."""
        return self._parties.is_handing(leg)

    def now(self, leg: Leg) -> Leg:
        """Who has the place that `leg` had."""
        return self._parties.now(leg)

    async def left(self, leg: Leg) -> None:
        """Wait until a party has left: the leg, and whoever took its place."""
        await self._parties.left(leg)

    async def one_left(self, *legs: Leg) -> None:
        """Wait until one of the parties has left."""
        waits = [asyncio.ensure_future(self.left(leg)) for leg in legs]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @property
    def over(self) -> bool:
        """True once the call has begun to end: nothing more is to be put on record."""
        return self._ended

    @property
    def deserted(self) -> bool:
        """True when the caller has left and nobody is about to take their place."""
        return self.caller.state is LegState.DISCONNECTED and not self.handing(self.caller)

    async def until_parted(self) -> None:
        """Wait until the caller and the party they are bridged to are no longer together."""
        if self.other is not None:
            await self.one_left(self.caller, self.other)

    async def end(self, status: int = 200, reason: str = "normal", by: str = "caller") -> None:
        """End every leg, stop every task and recording, wait for what is made of the call
        afterwards, and emit the last event. Idempotent.
        """
        if self._ended:
            return
        why = self.parting() if by in ("caller", "agent", "plan") else reasons.ENDED
        if status >= 500:
            why = reasons.FAILED
        await self._close(why)
        self.secrets.wipe()
        await self.afterwork.done()
        await self.services.model_log.close()
        self.emit(CallEnded, status=status, reason=reason, by=by)

    async def _close(self, why: reasons.Reason) -> None:
        self._ended = True
        ends = (let_go(leg, str(why)) for leg in self.legs)
        await asyncio.gather(*ends, self.taps.stop_all())
        self._tasks.cancel()
        self.recordings.stop_all()

    def parting(self) -> reasons.Reason:
        """Why other legs end now: for the caller's own reason, where they gave one."""
        return reasons.parse(self.caller.reason) or reasons.NORMAL

    def wrote(self, text: str, sender: str, leg: str = "") -> None:
        """A text came, in the call or beside it; the caller's are the agent's to read, if one is
        there.
        """
        self.emit(MessageReceived, leg=leg, sender=sender, text=text)
        if self.agent is not None and leg in ("", self.caller.info.id):
            self.texts.add(text)

    async def _read_texts(self, leg: Leg) -> None:
        async for text in leg.texts():
            self.wrote(text, leg.info.remote, leg.info.id)

    async def _read_keys(self, leg: Leg) -> None:
        async for digit in leg.digits():
            private = self.private_keys if leg is self.caller else None
            shown = str(digit) if private is None else ""
            self.emit(
                DigitReceived,
                leg=leg.info.id,
                digit=shown,
                method=digit.way,
                hidden=private is not None,
            )
            (private or self.keys).press(digit)

    async def open_keys(self, leg: Leg) -> AsyncIterator[str]:
        """Keys of a leg from now on, but for those of a secret."""
        async for key in leg.digits():
            if self.private_keys is None or leg is not self.caller:
                yield key
