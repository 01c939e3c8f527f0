"""PjBridge: who hears whom, on pjsua2's native conference."""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import pjsua2 as pj

from sipagent.media.clock import MediaClock
from sipagent.media.frames import FRAME_MS
from sipagent.media.port import AudioPort

from .pjsip import Endpoint
from .rings import Rings
from .seats import Seat, seats

#: a native port rests this long before it serves another AudioPort, so that the cycle in which
#: it was given back cannot carry one conversation's audio into the next
_REST_MS = 3 * FRAME_MS
#: the library's timers are looked at by the media clock; and by the loop's own, should it stand
_FALLBACK_SECONDS = 0.5


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


class PjBridge:
    """Members are `AudioPort`s and `Conferee`s (SipLeg).

    One cycle every 20 ms, on the native clock thread: the media clock ticks; every member with
    at least one sink is read; then every sink gets its mix. So all that is pulled and pushed in a
    cycle bears one `clock.t`, and what two ports heard at the same `Frame.t` sounded at the same
    time.

    What a listening port gets: exactly one frame a cycle from `connect` to `disconnect` of its
    last source, silence (zeros) where no source has anything to say - a leg without media, on
    hold or with lost packets; a port that is paused or empty. Without a source it gets nothing.
    What a speaking port gives: it is read only while at least one sink has media; until then
    what it is to play stays queued.
    """

    def __init__(self, endpoint: Endpoint, rings: Rings | None) -> None:
        """`rings` serve the ports without Python (`rings.library`); without them it is called."""
        self._rate = endpoint.rate
        self._seats = seats(endpoint.native, endpoint.rate, endpoint.pump, rings)
        self._clock = self._seats.clock
        self._ports: dict[AudioPort, Seat] = {}
        #: with the media-clock ms since when
        self._resting: deque[tuple[int, Seat]] = deque()
        self._watched: set[Conferee] = set()
        self._wanted: set[tuple[object, object]] = set()
        self._endpoint = endpoint

    def start(self) -> None:
        """Begin the cycles: from here on the process is woken fifty times a second."""
        self._endpoint.tick_seconds = _FALLBACK_SECONDS
        # a port is read only when somebody listens: the null device does, for ever
        self._seats.ticker.startTransmit(self._endpoint.playback())

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
        rested = self._resting and self._clock.t - self._resting[0][0] >= _REST_MS
        seat = self._resting.popleft()[1] if rested else self._seats.new()
        audio = seat.lend(name)
        self._ports[audio] = seat
        return audio

    def close_port(self, port: AudioPort) -> None:
        """Disconnect the port from all and close it."""
        for source, sink in tuple(self._wanted):
            if port in (source, sink):
                self.disconnect(source, sink)
        port.close()
        seat = self._ports.pop(port, None)
        if seat is not None:
            seat.part()
            self._resting.append((self._clock.t, seat))

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
            seat = self._ports.get(member)
            return None if seat is None else seat.native
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
        seat = self._ports.get(sink) if isinstance(sink, AudioPort) else None
        if seat is not None:
            seat.listen(any(other is sink for _, other in self._wanted))


def _quietly(function: Callable[[Any], None], other: Any) -> None:
    """Connect or disconnect. A refusal means that a leg's media ended a moment ago, natively;
    its `on_media` follows and connects what is wanted then.
    """
    try:
        function(other)
    except pj.Error:
        return
