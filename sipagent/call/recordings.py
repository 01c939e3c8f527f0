"""Recordings: the running background recordings of one call, by control id."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sipagent.errors import PlanError
from sipagent.events import RecordingStarted, RecordingStopped
from sipagent.media.port import AudioPort
from sipagent.media.recording import StereoRecording

from .leg import Leg

if TYPE_CHECKING:
    from .session import CallSession


class Recordings:
    """Each recording has two ports that only listen: one to the caller, one to the others."""

    def __init__(self, call: "CallSession") -> None:
        self._call = call
        self._running: dict[str, tuple[StereoRecording, tuple[AudioPort, AudioPort]]] = {}
        self._files: set[str] = set()

    def __contains__(self, control_id: str) -> bool:
        return control_id in self._running

    def start(self, control_id: str, file_name: str) -> StereoRecording:
        """Record the room: caller left, everybody the caller hears right. A file of this call
        that is there already is kept, and the new one numbered. Raises PlanError.
        """
        if control_id in self._running:
            raise PlanError(f"a recording named {control_id!r} is running already")
        call, bridge = self._call, self._call.bridge
        path = call.services.bundle / self._unused(file_name)
        recording = StereoRecording(path, bridge.rate, bridge.clock.t)
        left = bridge.open_port(f"{control_id}-left")
        right = bridge.open_port(f"{control_id}-right")
        bridge.connect(call.caller, left)
        call.room.add_listener(right, ears_of=call.caller)
        call.spawn(_feed(left, recording.left))
        call.spawn(_feed(right, recording.right))
        self._running[control_id] = (recording, (left, right))
        call.emit(RecordingStarted, control_id=control_id, path=path.name)
        return recording

    def get(self, control_id: str) -> StereoRecording:
        """A running recording. Raises PlanError."""
        try:
            return self._running[control_id][0]
        except KeyError:
            raise PlanError(f"no recording named {control_id!r} is running") from None

    def stop(self, control_id: str) -> int:
        """Finish one recording; returns its milliseconds. Raises PlanError."""
        recording = self.get(control_id)
        _, ports = self._running.pop(control_id)
        bridge = self._call.bridge
        recording.close(bridge.clock.t)
        self._call.room.remove_listener(ports[1])
        for port in ports:
            bridge.close_port(port)
        self._call.emit(
            RecordingStopped,
            control_id=control_id,
            path=recording.path.name,
            duration_ms=recording.duration_ms,
        )
        return recording.duration_ms

    def follow(self, caller: Leg) -> None:
        """Somebody else has the caller's place: the left side is theirs from now on."""
        for _, (left, right) in self._running.values():
            self._call.bridge.connect(caller, left)
            self._call.room.remove_listener(right)
            self._call.room.add_listener(right, ears_of=caller)

    def stop_all(self) -> None:
        """Finish every recording."""
        for control_id in list(self._running):
            self.stop(control_id)

    def _unused(self, file_name: str) -> str:
        name, number = file_name, 1
        while name in self._files:
            number += 1
            wanted = Path(file_name)
            name = f"{wanted.stem}-{number}{wanted.suffix}"
        self._files.add(name)
        return name


async def _feed(port: AudioPort, side: Callable[[bytes, int], None]) -> None:
    async for frame in port.frames():
        side(frame.pcm, frame.t)
