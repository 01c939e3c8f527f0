"""Verbs of conferences: join_conference, join_room, leave_conference."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sipagent.call.control import CallControl
from sipagent.call.meeting import Attend, Company, Meet, Notice, Over, Seated
from sipagent.call.posts import PostMethod
from sipagent.call.services import Place
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, PlanError
from sipagent.media.port import AudioPort
from sipagent.media.recording import Recording
from sipagent.sources import KeyPath
from sipagent.tasks import stopped

from .blocks import IGNORED, Nesting, Result, result_blocks
from .flow import broken, remember, run_result
from .meeting import LEFT, WAITING, Text, Urls, beep, party, pressed, teller, until
from .playing import ringing, sound_port
from .room_reports import ConferenceReport, Words
from .waiting import answered, while_caller_stays

_NAME = r"^[A-Za-z0-9_.+-]{1,64}$"
#: higher for who comes than for who goes
_ENTERED, _LEFT = "tone:880:0.15", "tone:440:0.15"
_RECORDING = "conference"
_VOICE = 0.5


def _word(value: Any) -> Any:
    """YAML reads `true` as what it is."""
    return str(value).lower() if isinstance(value, bool) else value


Beep = Annotated[Literal["true", "false", "onEnter", "onExit"], BeforeValidator(_word)]


class JoinConferenceVerb(Nesting):
    """Let the caller join a conference: all calls in it hear each other.

    Sets join_conference_result (completed or failed) and join_conference_reason.
    """

    name: ClassVar[str] = "join_conference"
    shorthand: ClassVar[str | None] = "name"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"result"})
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("name",)
    tool_extras: ClassVar[tuple[str, ...]] = ("muted", "beep", "exit_key")
    conference: Text = Field(alias="name", pattern=_NAME, description="the conference's name")
    muted: bool = Field(default=False, description="hear the others and not be heard")
    beep: Beep = Field(default="true", description="what the others hear of coming and going")
    start_on_enter: bool = Field(
        default=True, description="false: wait for somebody with whom it may begin"
    )
    end_on_exit: bool = Field(default=False, description="nobody stays when this caller leaves")
    wait_url: Urls = Field(default=WAITING, description="what is heard until it begins")
    max_participants: int = Field(default=100, ge=1, le=100_000)
    record: Literal["do-not-record", "record-from-start"] = "do-not-record"
    exit_key: Text | None = Field(
        default=None, pattern=r"^[0-9*#A-D]$", description="the key that leaves it"
    )
    background: bool = Field(
        default=False, description="go on with the plan meanwhile; an agent's talk is heard by all"
    )
    region: Annotated[str | None, IGNORED] = None
    trim: Literal["trim-silence", "do-not-trim"] = Field(
        default="trim-silence", description="the silence at the beginning of a recording"
    )
    coach: str | None = Field(default=None, description="nobody can be coached here: it is refused")
    status_callback: str | None = Field(default=None, description="told what happens in it")
    status_callback_event: Words = Field(
        default=("start", "end", "join", "leave"), description="of which: start end join leave"
    )
    status_callback_method: PostMethod = "POST"
    recording_status_callback: str | None = Field(
        default=None, description="told of the recording's beginning and end"
    )
    recording_status_callback_event: Words = Field(
        default=("completed",), description="of which: in-progress completed absent"
    )
    recording_status_callback_method: PostMethod = "POST"
    result: Result | None = None

    @classmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """The branches of `result`."""
        return result_blocks(arguments.get("result"), ("result",))

    @property
    def targets(self) -> tuple[str, ...]:
        """The conference, for the policy."""
        return (f"conference:{self.conference}",)

    @property
    def question(self) -> str:
        """Asks by name."""
        return f"Shall I let you join the conference {self.conference}?"

    async def run(self, control: CallControl) -> Outcome:
        """Join, and stay until the caller leaves it or it ends; a model's caller stays on."""
        call = control.call
        await answered(call)
        try:
            outcome = await self._joined(control)
        except CallError as error:
            if error.status == 487:
                raise
            outcome = Outcome(False, str(error), status=error.status)
        result = "completed" if outcome.ok else "failed"
        remember(call, join_conference_result=result, join_conference_reason=outcome.detail)
        remember(call, return_value=result)
        try:
            branch = await run_result(control, self.result, "return_value")
        except PlanError as error:
            return broken(call, error)
        return outcome if branch.flow is None else branch

    async def _joined(self, control: CallControl) -> Outcome:
        call, name = control.call, self.conference
        if self.coach:
            # better not let in than heard by all
            return Outcome(False, "a conference here has no coaches", status=501)
        if name in call.conferences:
            return Outcome(False, f"the caller is in the conference {name} already", status=486)
        place, seat = await call.services.meetings.take(self._wish(call))
        stay = _Stay(self, call, place, seat).last()
        if self.background or control.by == "model":
            call.spawn(stay)
            return Outcome(detail=f"in the conference {name}, {seat.members} in all")
        why = await while_caller_stays(call, stay)
        return Outcome(detail=f"was in the conference {name}: {why}", status=200)

    def _wish(self, call: CallSession) -> Attend:
        return Attend(
            name=self.conference,
            who=party(call),
            start_on_enter=self.start_on_enter,
            end_on_exit=self.end_on_exit,
            beep_on_enter=self.beep in ("true", "onEnter"),
            beep_on_exit=self.beep in ("true", "onExit"),
            most=self.max_participants,
        )


class _Stay:
    """One caller's time in a conference."""

    def __init__(
        self, verb: JoinConferenceVerb, call: CallSession, place: Place, seat: Seated
    ) -> None:
        self._verb = verb
        self._call = call
        self._place = place
        self._seat = seat
        self._tell = teller(call, "conference", verb.conference)
        self._report = ConferenceReport(verb, call)
        self._leave = call.conferences.setdefault(verb.conference, asyncio.Event())

    async def last(self) -> str:
        """Wait for the beginning, take part, and say why it is over."""
        call, verb = self._call, self._verb
        ends = [
            asyncio.ensure_future(self._leave.wait()),
            asyncio.ensure_future(pressed(call, verb.exit_key)),
        ]
        why = "hangup"
        try:
            self._tell(change="waiting", count=self._seat.members)
            async with ringing(call, () if verb.start_on_enter else verb.wait_url):
                end = await until(self._place, (Meet, Over), ends, self._told)
            if isinstance(end, Meet):
                end = await self._take_part(end, ends)
            why = end.reason if isinstance(end, Over) else LEFT
        finally:
            await stopped(*ends)
            self._place.leave()
            del call.conferences[verb.conference]
            self._report.left(why)
        self._tell(change="over", detail=why)
        return why

    async def _take_part(self, meet: Meet, ends: Sequence["asyncio.Future[Any]"]) -> Notice | None:
        call, verb = self._call, self._verb
        self._tell(change="met", count=self._seat.members)
        self._report.joined(self._seat.members)
        recorded = (
            verb.record == "record-from-start"
            and _RECORDING not in call.recordings
            and call.consent.permits
        )
        if recorded:
            recording = call.recordings.start(
                _RECORDING,
                f"conference-{verb.conference}.wav",
                on_stop=self._report.recorded,
            )
            if verb.trim == "trim-silence":
                call.recordings.await_words(_RECORDING)
                call.spawn(_begun(call, recording))
            self._report.recording("in-progress")
        elif verb.record == "record-from-start":
            self._report.recording("absent")
        try:
            async with (
                sound_port(call, "conference") as port,
                call.services.meetings.link(
                    port, meet, lambda what: self._tell(change=what)
                ) as link,
            ):
                link.muted = verb.muted
                end = await until(self._place, (Over,), [*ends, link.lost], self._told)
                return Over(reason=link.lost.result()) if link.lost.done() else end
        finally:
            if recorded and _RECORDING in call.recordings:
                call.recordings.stop(_RECORDING)

    def _told(self, notice: Notice) -> None:
        if not isinstance(notice, Company):
            return
        self._tell(change=notice.change, other=notice.who, count=notice.members)
        self._report.company(notice)
        if notice.beep:
            sound = _ENTERED if notice.change == "entered" else _LEFT
            self._call.spawn(beep(self._call, sound))


async def _begun(call: CallSession, recording: Recording) -> None:
    """Let a recording begin with the first word, whoever says it."""
    with call.tracks.open("trim", "speak") as said, call.tracks.open("trim", "listen") as heard:
        waits = [asyncio.ensure_future(_spoken(call, port)) for port in (said, heard)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stopped(*waits)
    call.recordings.begin(_RECORDING, recording)


async def _spoken(call: CallSession, port: AudioPort) -> None:
    detector = call.services.detector(port.rate)
    async for frame in port.frames():
        if detector.probability(frame.pcm) >= _VOICE:
            return


class JoinRoomVerb(JoinConferenceVerb):
    """Let the caller join a room: a conference without beeps."""

    name: ClassVar[str] = "join_room"
    is_tool: ClassVar[bool] = False
    beep: Beep = "false"


class LeaveConferenceVerb(Verb):
    """Take the caller out of a conference; the call goes on."""

    name: ClassVar[str] = "leave_conference"
    shorthand: ClassVar[str | None] = "name"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()
    tool_extras: ClassVar[tuple[str, ...]] = ("name",)
    conference: Text | None = Field(default=None, alias="name", description="default: all of them")

    async def run(self, control: CallControl) -> Outcome:
        """Ask whoever keeps the caller in it to leave."""
        conferences = control.call.conferences
        names = list(conferences) if self.conference is None else [self.conference]
        if not names or any(name not in conferences for name in names):
            return Outcome(False, "the caller is in no such conference", status=404)
        for name in names:
            conferences[name].set()
        return Outcome(detail=f"left the conference {', '.join(names)}")


ROOMS: tuple[type[Verb], ...] = (JoinConferenceVerb, JoinRoomVerb, LeaveConferenceVerb)
