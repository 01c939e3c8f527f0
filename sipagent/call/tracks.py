"""Tracks: what the caller says, what they hear, what the other party says: ports for listeners."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sipagent.media.port import AudioPort

if TYPE_CHECKING:
    from .session import CallSession

#: what the caller says and hears, and what the party says whom they are bridged to
Side = Literal["speak", "listen", "other"]


class Tracks:
    """One instance a call. A port stays with the party when its leg is replaced by another."""

    def __init__(self, call: "CallSession") -> None:
        self._call = call
        self._open: dict[AudioPort, Side] = {}

    @contextmanager
    def open(self, name: str, side: Side) -> Iterator[AudioPort]:
        """A port that hears one side, for as long as the block runs: silence where it is shielded
        (secrets), and of the other party while there is none.
        """
        port = self._call.bridge.open_port(name)
        self._open[port] = side
        self._connect(port)
        self._call.clean(port)
        try:
            yield port
        finally:
            del self._open[port]
            self._call.room.remove_listener(port)
            self._call.bridge.close_port(port)

    def follow(self) -> None:
        """Somebody else has the caller's or the other party's place."""
        for port in self._open:
            self._connect(port)

    def _connect(self, port: AudioPort) -> None:
        call, side = self._call, self._open[port]
        if side == "listen":
            call.room.add_listener(port, ears_of=call.caller)
        elif side == "speak":
            call.room.overhear(port, mouth_of=call.caller)
        elif call.other is not None:
            call.room.overhear(port, mouth_of=call.other)
        else:
            call.room.remove_listener(port)
