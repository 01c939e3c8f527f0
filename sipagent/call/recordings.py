"""Recordings: the running recordings of one call, by control id."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sipagent.errors import PlanError
from sipagent.events import RecordingPaused, RecordingStarted, RecordingStopped
from sipagent.media.ear import Patience
from sipagent.media.frames import Frame
from sipagent.media.port import AudioPort
from sipagent.media.recording import Layout, Recording

from .leg import Leg

if TYPE_CHECKING:
    from .session import CallSession


OnStop = Callable[[Recording], None]
_Side = Literal["left", "right"]
#: nobody waits for a recording: it wakes the loop twice a second, with whoever else is patient
_PATIENT = Patience(25)


@dataclass(frozen=True, slots=True)
class _Tape:
    recording: Recording
    ports: Mapping[_Side, AudioPort]
    on_stop: OnStop | None

    async def run(self) -> None:
        """Put down what is heard, both sides together, until the ports are closed."""
        leading, port = next(iter(self.ports.items()))
        async for frames in port.batches():
            newer = self._waiting()
            self.recording.heard(**{**newer, leading: [*frames, *newer[leading]]})

    def catch_up(self) -> None:
        """Put down what was heard so far: what is done to the recording now comes after it."""
        self.recording.heard(**self._waiting())

    def _waiting(self) -> dict[_Side, Sequence[Frame]]:
        return {side: port.waiting() for side, port in self.ports.items()}


class Recordings:
    """Each recording has ports that only listen: one to the caller, one to what they hear."""

    def __init__(self, call: "CallSession") -> None:
        self._call = call
        self._running: dict[str, _Tape] = {}
        #: control ids of those that begin with the first word
        self._awaiting: set[str] = set()
        #: names given away in this call's folder
        self.files: set[str] = set()

    def __contains__(self, control_id: str) -> bool:
        return control_id in self._running

    @property
    def newest(self) -> str | None:
        """The control id of the running recording that was started last."""
        return next(reversed(self._running), None)

    def start(
        self,
        control_id: str,
        file_name: str,
        *,
        layout: Layout = "stereo",
        on_stop: OnStop | None = None,
    ) -> Recording:
        """Record the room: the caller, and everybody the caller hears. The file's suffix says its
        format. A file of this call that is there already is kept, and the new one numbered.
        `on_stop` is called when the file is finished, however that comes about.
        Raises PlanError, and NoConsent where the caller has not agreed.
        """
        self._call.consent.check()
        if control_id in self._running:
            raise PlanError(f"a recording named {control_id!r} is running already")
        call, bridge = self._call, self._call.bridge
        path = call.services.bundle / self._unused(file_name)
        writer = call.services.writers[path.suffix.removeprefix(".")]
        now = bridge.clock.t
        recording = Recording(path, bridge.rate, now, open_writer=writer, layout=layout)
        ports: dict[_Side, AudioPort] = {}
        if layout != "listen":
            left = ports["left"] = bridge.open_port(f"{control_id}-left")
            call.room.overhear(left, mouth_of=call.caller)
        if layout != "speak":
            right = ports["right"] = bridge.open_port(f"{control_id}-right")
            call.room.add_listener(right, ears_of=call.caller)
        for port in ports.values():
            port.patience = _PATIENT
        tape = self._running[control_id] = _Tape(recording, ports, on_stop)
        call.spawn(tape.run())
        call.emit(RecordingStarted, control_id=control_id, path=path.name)
        return recording

    def get(self, control_id: str) -> Recording:
        """A running recording, with all that was heard so far. Raises PlanError."""
        try:
            tape = self._running[control_id]
        except KeyError:
            raise PlanError(f"no recording named {control_id!r} is running") from None
        tape.catch_up()
        return tape.recording

    def await_words(self, control_id: str) -> None:
        """Keep nothing, not even the time, until `begin`. Raises PlanError."""
        self.get(control_id).pause(self._call.bridge.clock.t, skip=True)
        self._awaiting.add(control_id)

    def begin(self, control_id: str, recording: Recording) -> None:
        """Somebody speaks: nothing where it was paused, resumed or stopped meanwhile."""
        tape = self._running.get(control_id)
        if control_id in self._awaiting and tape is not None and tape.recording is recording:
            self._awaiting.discard(control_id)
            tape.catch_up()
            recording.resume(self._call.bridge.clock.t)

    def pause(self, control_id: str, *, skip: bool = False) -> None:
        """Keep silence until `resume`, or with `skip` not even the time. Raises PlanError."""
        recording = self.get(control_id)
        self._awaiting.discard(control_id)
        if not recording.paused:
            recording.pause(self._call.bridge.clock.t, skip=skip)
            self._call.emit(RecordingPaused, control_id=control_id, paused=True)

    def resume(self, control_id: str) -> None:
        """Record again. Raises PlanError."""
        recording = self.get(control_id)
        self._awaiting.discard(control_id)
        if recording.paused:
            recording.resume(self._call.bridge.clock.t)
            self._call.emit(RecordingPaused, control_id=control_id, paused=False)

    def stop(self, control_id: str) -> int:
        """Finish one recording; returns its milliseconds. Raises PlanError."""
        recording = self.get(control_id)
        tape = self._running.pop(control_id)
        self._awaiting.discard(control_id)
        bridge = self._call.bridge
        recording.close(bridge.clock.t)
        for port in tape.ports.values():
            self._call.room.remove_listener(port)
            bridge.close_port(port)
        self._call.emit(
            RecordingStopped,
            control_id=control_id,
            path=recording.path.name,
            duration_ms=recording.duration_ms,
        )
        if tape.on_stop is not None:
            tape.on_stop(recording)
        return recording.duration_ms

    def follow(self, caller: Leg) -> None:
        """Somebody else has the caller's place: the left side is theirs from now on."""
        for tape in self._running.values():
            if "left" in tape.ports:
                self._call.room.overhear(tape.ports["left"], mouth_of=caller)
            if "right" in tape.ports:
                self._call.room.add_listener(tape.ports["right"], ears_of=caller)

    def stop_all(self) -> None:
        """Finish every recording."""
        for control_id in list(self._running):
            self.stop(control_id)

    def _unused(self, file_name: str) -> str:
        name, number = file_name, 1
        while name in self.files:
            number += 1
            wanted = Path(file_name)
            name = f"{wanted.stem}-{number}{wanted.suffix}"
        self.files.add(name)
        return name
