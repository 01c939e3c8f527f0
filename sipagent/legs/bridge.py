"""PjBridge: who hears whom, on pjsua2's native conference."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import pjsua2 as pj

from sipagent.media.clock import MediaClock
from sipagent.media.frames import FRAME_MS, frame_bytes
from sipagent.media.port import AudioPort

from .frame_access import FrameAccess, choose
from .native import fenced, keep_thread_state
from .pjsip import Endpoint

#: a native port rests this long before it serves another AudioPort, so that the cycle in which
#: it was given back cannot carry one conversation's audio into the next
_REST_MS = 3 * FRAME_MS


@runtime_checkable
class Conferee(Protocol):
    """A leg whose media is a native conference member, now and then another one."""

    @property
    def media(self) -> Any:
        """The native member, or None while there is no media."""
        ...

    def on_media(self, listener: Callable[[], None]) -> None:
        """Have `listener` called on the loop whenever `media` may be another one."""
        ...


class _NativePort(pj.AudioMediaPort):  # type: ignore[misc]
    """A native conference port, lent to one AudioPort at a time. Callbacks: media thread.

    `listening` is true while the AudioPort is wanted as a sink of anything.
    """

    def __init__(self, rate: int, access: FrameAccess, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self.audio: AudioPort | None = None
        self.listening = False
        self.rested_at = 0
        self._access = access
        self._silence = bytes(frame_bytes(rate))

    @fenced
    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802
        """The conference reads this port."""
        audio = self.audio
        pcm = None if audio is None else audio.pull()
        if pcm is None:
            frame.type = pj.PJMEDIA_FRAME_TYPE_NONE
        else:
            self._access.write(frame, pcm)

    @fenced
    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802
        """The conference writes to this port, every cycle, connected or not."""
        audio = self.audio
        if audio is None or not self.listening:
            return
        audio.push(self._access.read(frame) or self._silence)


class _ClockPort(pj.AudioMediaPort):  # type: ignore[misc]
    """The first port of the conference: it is read before all others, and so ticks the clock."""

    def __init__(self, clock: MediaClock, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self._clock = clock
        self._settled = False

    @fenced
    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802
        """A cycle begins."""
        if not self._settled:
            keep_thread_state()
            self._settled = True
        self._clock.tick()
        frame.type = pj.PJMEDIA_FRAME_TYPE_NONE

    @fenced
    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802
        """Nothing to hear."""


class PjBridge:
    """Members are `AudioPort`s and `Conferee`s (SipLeg).

    One cycle every 20 ms, on the native clock thread: the media clock ticks; every member with
    at least one sink is read (`AudioPort.pull`); then every sink gets its mix
    (`AudioPort.push`). So all that is pulled and pushed in a cycle bears one `clock.t`, and what
    two ports heard at the same `Frame.t` sounded at the same time.

    What a listening port gets: exactly one frame a cycle from `connect` to `disconnect` of its
    last source, silence (zeros) where no source has anything to say - a leg without media, on
    hold or with lost packets; a port that is paused or empty. Without a source it gets nothing.
    What a speaking port gives: it is read only while at least one sink has media; until then
    what it is to play stays queued.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._rate = endpoint.rate
        self._clock = MediaClock()
        self._loop = asyncio.get_running_loop()
        self._access = choose()
        self._ports: dict[AudioPort, _NativePort] = {}
        self._resting: deque[_NativePort] = deque()
        self._watched: set[Conferee] = set()
        self._wanted: set[tuple[object, object]] = set()
        self._ticker = _ClockPort(self._clock, self._loop)
        self._ticker.createPort("clock", port_format(self._rate))
        # a port is read only when somebody listens: the null device does, for ever
        self._ticker.startTransmit(endpoint.playback())

    @property
    def clock(self) -> MediaClock:
        """The call's media clock, ticked at the start of every conference cycle."""
        return self._clock

    @property
    def rate(self) -> int:
        """Sample rate of every port, Hz."""
        return self._rate

    def open_port(self, name: str) -> AudioPort:
        """A new member that is heard by nobody yet."""
        audio = AudioPort(name, self._rate, self._clock)
        if self._resting and self._clock.t - self._resting[0].rested_at >= _REST_MS:
            native = self._resting.popleft()
        else:
            native = _NativePort(self._rate, self._access, self._loop)
            native.createPort("port", port_format(self._rate))
        native.audio = audio
        self._ports[audio] = native
        return audio

    def close_port(self, port: AudioPort) -> None:
        """Disconnect the port from all and close it."""
        for source, sink in tuple(self._wanted):
            if port in (source, sink):
                self.disconnect(source, sink)
        native = self._ports.pop(port, None)
        if native is not None:
            native.audio = None
            native.rested_at = self._clock.t
            self._resting.append(native)
        port.close()

    def connect(self, source: object, sink: object) -> None:
        """Let `sink` hear `source` from now on. Connecting twice is once."""
        self._wanted.add((source, sink))
        for member in (source, sink):
            self._watch(member)
        self._note_listening(sink)
        self._apply(source, sink)

    def disconnect(self, source: object, sink: object) -> None:
        """Let `sink` no longer hear `source`; nothing if it did not."""
        if (source, sink) not in self._wanted:
            return
        self._wanted.remove((source, sink))
        self._note_listening(sink)
        giver, taker = self._native(source), self._native(sink)
        if giver is not None and taker is not None:
            _quietly(giver.stopTransmit, taker)

    def _apply(self, source: object, sink: object) -> None:
        giver, taker = self._native(source), self._native(sink)
        if giver is not None and taker is not None:
            _quietly(giver.startTransmit, taker)

    def _native(self, member: object) -> Any:
        if isinstance(member, AudioPort):
            return self._ports.get(member)
        return member.media if isinstance(member, Conferee) else None

    def _watch(self, member: object) -> None:
        if isinstance(member, Conferee) and member not in self._watched:
            self._watched.add(member)
            member.on_media(lambda: self._media_changed(member))

    def _media_changed(self, member: object) -> None:
        """A leg's native member is a new one (hold, re-INVITE, codec): connect it as wanted."""
        for source, sink in tuple(self._wanted):
            if member in (source, sink):
                self._apply(source, sink)

    def _note_listening(self, sink: object) -> None:
        native = self._ports.get(sink) if isinstance(sink, AudioPort) else None
        if native is not None:
            native.listening = any(other is sink for _, other in self._wanted)


def port_format(rate: int) -> Any:
    """The native format of a port: 20 ms of mono at `rate` Hz."""
    audio = pj.MediaFormatAudio()
    audio.type = pj.PJMEDIA_TYPE_AUDIO
    audio.clockRate, audio.channelCount, audio.bitsPerSample = rate, 1, 16
    audio.frameTimeUsec = FRAME_MS * 1000
    audio.avgBps = audio.maxBps = rate * 16
    return audio


def _quietly(function: Callable[[Any], None], other: Any) -> None:
    """Connect or disconnect. A refusal means that a leg's media ended a moment ago, natively;
    its `on_media` follows and connects what is wanted then.
    """
    try:
        function(other)
    except pj.Error:
        return
