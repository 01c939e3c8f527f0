"""Tracks: what the caller says, what they hear, what the other party says: ports for listeners."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sipagent.media.denoise import SpectralGate
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
        self._denoising = False

    def denoise(self, wanted: bool) -> None:
        """Spare those who listen the noise from now on, the agent first of all, or no more."""
        self._denoising = wanted
        if self._call.agent is not None:
            self.clean(self._call.agent)

    def clean(self, port: AudioPort) -> None:
        """Free what this port hears of noise, where that is wanted."""
        port.treat = SpectralGate(port.rate).feed if self._denoising else None

    @contextmanager
    def open(self, name: str, side: Side) -> Iterator[AudioPort]:
        """A port that hears one side, for as long as the block runs: silence where it is shielded
        (secrets), and of the other party while there is none.
        """
        port = self._call.bridge.open_port(name)
        self._open[port] = side
        self._connect(port)
        self.clean(port)
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
