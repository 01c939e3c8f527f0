"""Recording: a message in the foreground, the call in the background, pauses and their end."""

import asyncio
import re
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from sipagent.call.consent import NoConsent
from sipagent.call.control import CallControl
from sipagent.call.keypad import Keypad
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import PlanError
from sipagent.events import Warned
from sipagent.media.recording import Layout, Recording

from .flow import remember
from .playing import play_all, sound_port
from .silence import Ending, Over, over
from .statuses import Status
from .waiting import answered, while_caller_stays

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
BEEP = "tone:1400:0.2"
_KEYS = r"^[0-9*#A-D]*$"


class _Recording(Verb):
    """What everything that records has in common."""

    control_id: str = Field(default="recording", min_length=1, max_length=64)
    format: Literal["wav", "mp3", "mp4"] = Field(
        default="wav", description="no mp4 is written here: wav stands in, and a warning says so"
    )
    stereo: bool = Field(default=False, description="caller left, what they hear right")
    direction: Literal["speak", "listen", "both"] = Field(
        default="both", description="what the caller says, what they hear, or both; not if stereo"
    )
    beep: bool = Field(default=False, description="a tone first")
    terminators: str = Field(
        default="", pattern=_KEYS, description="keys of the caller's that end it"
    )
    initial_timeout: float = Field(
        default=0, ge=0, le=300, description="seconds without a word at first that end it; 0: none"
    )
    end_silence_timeout: float = Field(
        default=0, ge=0, le=300, description="seconds of silence after words that end it; 0: none"
    )
    max_length: float | None = Field(default=None, gt=0, description="seconds")
    input_sensitivity: float = Field(
        default=44.0, ge=0, le=100, description="how soft a voice still counts as one; 100: any"
    )
    status_url: str | None = Field(default=None, description="told of its beginning and end")

    @property
    def _layout(self) -> Layout:
        return "stereo" if self.stereo else self.direction

    @property
    def _ending(self) -> Ending:
        return Ending(
            self.terminators,
            self.initial_timeout,
            self.end_silence_timeout,
            self.max_length,
            voice=min(max(0.5 + (44.0 - self.input_sensitivity) / 100, 0.05), 0.95),
        )

    def _start(self, call: CallSession) -> str:
        """Start writing; returns the file's name. Raises PlanError."""
        stem = _UNSAFE.sub("-", self.control_id).strip("-") or "recording"
        kind = self.format
        if kind == "mp4":
            call.emit(Warned, code="format", detail="no mp4 is written here: the file is a wav")
            kind = "wav"
        told = Status(call, self.status_url, "calling.call.record", {"control_id": self.control_id})
        recording = call.recordings.start(
            self.control_id,
            f"{stem}.{kind}",
            layout=self._layout,
            on_stop=lambda done: told.tell(**self._finished(done)),
        )
        told.tell(state="recording", url=_url(recording.path), record=self._about(recording.path))
        remember(call, record_control_id=self.control_id, record_url=_url(recording.path))
        return recording.path.name

    def _finished(self, done: Recording) -> dict[str, Any]:
        facts = {
            "url": _url(done.path),
            "duration": done.duration_ms / 1000,
            "size": done.path.stat().st_size if done.path.exists() else 0,
        }
        return {"state": "finished", **facts, "record": self._about(done.path) | facts}

    def _about(self, path: Path) -> dict[str, Any]:
        audio = {"format": path.suffix[1:], "stereo": self.stereo, "direction": self.direction}
        return {"audio": audio}


def _url(path: Path) -> str:
    return path.resolve().as_uri()


class RecordVerb(_Recording):
    """Record a message of the caller's, and wait until it is over.

    Sets record_result (key, silence, no_voice, max_length, hangup, no_consent), record_duration in
    seconds, record_terminator, record_control_id and record_url.
    """

    name: ClassVar[str] = "record"
    direction: Literal["speak", "listen", "both"] = "speak"
    terminators: str = Field(default="#", pattern=_KEYS, description="keys that end it")
    initial_timeout: float = Field(default=4, ge=0, le=300, description="seconds to the first word")
    end_silence_timeout: float = Field(default=5, ge=0, le=300, description="seconds of silence")
    max_length: float | None = Field(default=600, gt=0, le=14_400, description="seconds")

    async def run(self, control: CallControl) -> Outcome:
        """Beep, record, and say how it ended. A message cut short by a hangup is kept."""
        call = control.call
        await answered(call)
        if not call.consent.permits:
            remember(call, record_result="no_consent", record_duration=0.0)
            raise NoConsent
        if self.beep:
            await while_caller_stays(call, beep(call))
        others, call.keys = call.keys, Keypad()
        file = self._start(call)
        how = Over("hangup")
        try:
            how = await while_caller_stays(call, over(call, self._ending, call.keys.key))
        finally:
            call.keys = others
            seconds = _stop(call, self.control_id)
            remember(
                call,
                record_result=how.reason,
                record_terminator=how.key,
                record_duration=seconds,
            )
        return Outcome(
            how.reason != "no_voice",
            f"recorded {seconds:g} seconds: {how.reason}",
            data={"file": file},
        )


class RecordCallVerb(_Recording):
    """Record the call from now on, both sides."""

    name: ClassVar[str] = "record_call"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()
    tool_extras: ClassVar[tuple[str, ...]] = (
        "control_id",
        "max_length",
        "stereo",
        "format",
        "beep",
    )
    stereo: bool = Field(default=True, description="caller left, what they hear right")
    beep_interval: float | None = Field(
        default=None, ge=1, le=600, description="a tone every so many seconds while it runs"
    )

    async def run(self, control: CallControl) -> Outcome:
        """Start writing, now or when the caller has agreed to it."""
        call = control.call
        if not call.consent.permits:
            call.consent.hold(lambda: self._begin(call))
            return Outcome(detail="it will be recorded once the caller agrees")
        return Outcome(detail="recording", data={"file": await self._begin(call)})

    async def _begin(self, call: CallSession) -> str:
        if self.beep:
            await answered(call)
            await while_caller_stays(call, beep(call))
        file = self._start(call)
        if self._ending.any:
            call.spawn(_ended(call, self.control_id, self._ending))
        if self.beep_interval is not None:
            call.spawn(_beeps(call, self.control_id, self.beep_interval))
        return file


class _Running(Verb):
    """A verb on a recording that runs."""

    shorthand: ClassVar[str | None] = "control_id"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()
    tool_extras: ClassVar[tuple[str, ...]] = ("control_id",)
    control_id: str | None = Field(default=None, description="default: the newest")

    def _which(self, call: CallSession) -> str:
        found = self.control_id or call.recordings.newest
        if found is None:
            raise PlanError("no recording is running")
        return found


class StopRecordCallVerb(_Running):
    """Stop recording the call."""

    name: ClassVar[str] = "stop_record_call"

    async def run(self, control: CallControl) -> Outcome:
        """Finish the file."""
        duration = control.call.recordings.stop(self._which(control.call))
        return Outcome(detail=f"recorded {duration / 1000:g} seconds")


class PauseRecordCallVerb(_Running):
    """Pause the recording: what is said from now on is not kept (card numbers, PINs)."""

    name: ClassVar[str] = "pause_record_call"
    behavior: Literal["silence", "skip"] = Field(
        default="silence", description="silence of the same length, or nothing at all"
    )

    async def run(self, control: CallControl) -> Outcome:
        """Pause."""
        call = control.call
        call.recordings.pause(self._which(call), skip=self.behavior == "skip")
        return Outcome(detail="the recording is paused")


class ResumeRecordCallVerb(_Running):
    """Go on recording after a pause."""

    name: ClassVar[str] = "resume_record_call"

    async def run(self, control: CallControl) -> Outcome:
        """Resume."""
        call = control.call
        call.recordings.resume(self._which(call))
        return Outcome(detail="recording again")


async def beep(call: CallSession) -> None:
    """Let everybody hear that they are recorded."""
    async with sound_port(call, "beep") as port:
        await play_all(call, port, (BEEP,))


async def _beeps(call: CallSession, control_id: str, seconds: float) -> None:
    recording = call.recordings.get(control_id)
    while control_id in call.recordings and call.recordings.get(control_id) is recording:
        await beep(call)
        await asyncio.sleep(seconds)


async def _ended(call: CallSession, control_id: str, ending: Ending) -> None:
    """Stop a background recording when it is over, unless it was stopped and started anew."""
    recording = call.recordings.get(control_id)
    keys = call.open_keys(call.caller)
    await over(call, ending, keys.__anext__)
    if control_id in call.recordings and call.recordings.get(control_id) is recording:
        call.recordings.stop(control_id)


def _stop(call: CallSession, control_id: str) -> float:
    """Stop if it runs still; seconds recorded."""
    return call.recordings.stop(control_id) / 1000 if control_id in call.recordings else 0.0


RECORDING: tuple[type[Verb], ...] = (
    RecordVerb,
    RecordCallVerb,
    StopRecordCallVerb,
    PauseRecordCallVerb,
    ResumeRecordCallVerb,
)
