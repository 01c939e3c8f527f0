"""SimulatedBridge: the mixing matrix in plain Python, driven by the loop's own clock."""

import asyncio
from typing import Protocol, cast

import numpy as np

from sipagent.media.clock import MediaClock
from sipagent.media.frames import FRAME_MS, frame_bytes
from sipagent.media.port import AudioPort


class Member(Protocol):
    """What can be connected: an AudioPort or a FakeLeg. One whose `live` is False has no media
    at the moment: it neither speaks nor hears.
    """

    def pull(self) -> bytes | None:
        """The next 20 ms it says, or None for silence."""
        ...

    def push(self, pcm: bytes) -> None:
        """The 20 ms it hears."""
        ...


class SimulatedBridge:
    """A `media.bridge.Bridge` for tests: every 20 ms of loop time it pulls, mixes and pushes.

    A frame is stamped with the media time at which it began; the clock ticks after it. As with
    the native bridge, a sink hears silence where none of its sources has media, and a source is
    not pulled while none of its sinks has any.
    """

    def __init__(self, rate: int = 8000) -> None:
        self.clock = MediaClock()
        self.rate = rate
        self._silence = bytes(frame_bytes(rate))
        self._sources: dict[Member, dict[Member, None]] = {}
        self._seated: dict[Member, None] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Let time pass: the first frame is exchanged 20 ms from now."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + FRAME_MS / 1000
        self._handle = loop.call_at(self._due, self._frame)

    def stop(self) -> None:
        """Stand still."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def seat(self, leg: Member) -> None:
        """Let a leg's media flow, whether anybody is connected to it or not."""
        self._seated[leg] = None

    def open_port(self, name: str) -> AudioPort:
        """A new member that is heard by nobody yet."""
        return AudioPort(name, self.rate, self.clock)

    def close_port(self, port: AudioPort) -> None:
        """Disconnect the port from all and close it."""
        self._sources.pop(port, None)
        for sink in list(self._sources):
            self.disconnect(port, sink)
        port.close()

    def connect(self, source: object, sink: object) -> None:
        """Let `sink` hear `source` from now on."""
        for member in (source, sink):
            if not isinstance(member, AudioPort):
                self.seat(cast(Member, member))
        self._sources.setdefault(cast(Member, sink), {})[cast(Member, source)] = None

    def disconnect(self, source: object, sink: object) -> None:
        """Let `sink` no longer hear `source`."""
        sources = self._sources.get(cast(Member, sink), {})
        sources.pop(cast(Member, source), None)
        if not sources:
            self._sources.pop(cast(Member, sink), None)

    def hears(self, sink: object) -> tuple[object, ...]:
        """Whom `sink` is connected to."""
        return tuple(self._sources.get(cast(Member, sink), ()))

    def _frame(self) -> None:
        self._due += FRAME_MS / 1000
        self._handle = asyncio.get_running_loop().call_at(self._due, self._frame)
        said = {leg: leg.pull() for leg in self._seated if _live(leg)}
        hearing = {sink: sources for sink, sources in self._sources.items() if _live(sink)}
        for source in (source for sources in hearing.values() for source in sources):
            if source not in said and _live(source):
                said[source] = source.pull()
        for sink, sources in hearing.items():
            sink.push(self._mixed([said.get(source) for source in sources]))
        self.clock.tick()

    def _mixed(self, heard: list[bytes | None]) -> bytes:
        loud = [pcm for pcm in heard if pcm is not None]
        if not loud:
            return self._silence
        if len(loud) == 1:
            return loud[0]
        total = np.sum([np.frombuffer(pcm, "<i2") for pcm in loud], axis=0, dtype=np.int32)
        return np.clip(total, -32768, 32767).astype("<i2").tobytes()


def _live(member: Member) -> bool:
    return bool(getattr(member, "live", True))
