"""Tracks: what the caller says, and what they hear, as ports for whoever only listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sipagent.media.port import AudioPort

from .leg import Leg
from .tap_wires import Track

if TYPE_CHECKING:
    from .session import CallSession


class Tracks:
    """One instance a call. A port stays with the party when its leg is replaced by another."""

    def __init__(self, call: "CallSession") -> None:
        self._call = call
        self._open: dict[AudioPort, Track] = {}

    @contextmanager
    def open(self, name: str, track: Track) -> Iterator[AudioPort]:
        """A port that hears one side, for as long as the block runs: silence where it is shielded
        (secrets).
        """
        port = self._call.bridge.open_port(name)
        self._open[port] = track
        self._connect(port, self._call.caller)
        self._call.clean(port)
        try:
            yield port
        finally:
            del self._open[port]
            self._call.room.remove_listener(port)
            self._call.bridge.close_port(port)

    def follow(self, caller: Leg) -> None:
        """Somebody else has the caller's place."""
        for port in self._open:
            self._connect(port, caller)

    def _connect(self, port: AudioPort, caller: Leg) -> None:
        if self._open[port] == "speak":
            self._call.room.overhear(port, mouth_of=caller)
        else:
            self._call.room.add_listener(port, ears_of=caller)
