"""Seats: native conference ports, each lent to one AudioPort at a time, and the clock they share.

Two ways: served in C (rings.c), where no Python runs on the media thread; or called in Python.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from sipagent.media.clock import MediaClock
from sipagent.media.frames import FRAME_MS, frame_bytes
from sipagent.media.port import AudioPort

from .native import keep_thread_state
from .ports import OpenPort, port_opener, short_way
from .rings import Hub, Ring, Rings

#: the library's timers are looked at in the cycle in which those who are patient (`media/ear.py`)
#: wake the loop anyway
_OFTEN_MS = 5 * FRAME_MS
_EAR, _MOUTH = 1, 2


class Seat(Protocol):
    """One native port."""

    @property
    def native(self) -> Any:
        """The member of the conference; it lives as long as the process."""
        ...

    def lend(self, name: str) -> AudioPort:
        """A new AudioPort that speaks and hears here, from now on."""
        ...

    def listen(self, listening: bool) -> None:
        """Whether the AudioPort is wanted as a sink of anything."""
        ...

    def part(self) -> None:
        """The AudioPort was closed: nothing of this place reaches it any more."""
        ...


class Seats(Protocol):
    """Where seats come from."""

    @property
    def clock(self) -> MediaClock:
        """Ticked at the start of every cycle of the conference."""
        ...

    @property
    def ticker(self) -> Any:
        """The first native port: it is read before all others, and so ticks the clock."""
        ...

    def new(self) -> Seat:
        """One more. Raises LegFailed where the conference is full."""
        ...


class Conference(Protocol):
    """Where ports are opened that C serves: a Shortcut."""

    def open_on(self, ring: Ring, *, ticks: bool = False) -> Any:
        """See Shortcut."""
        ...


def seats(native: Any, rate: int, pump: Callable[[], object], rings: Rings | None) -> Seats:
    """By the shortest way there is. `native` is the started `pj.Endpoint`; `pump` is called on the
    running loop, ten times a second.
    """
    loop = asyncio.get_running_loop()
    short = short_way(native, rate)
    if short is not None and rings is not None:
        hub = Hub(rings, rate, _OFTEN_MS // FRAME_MS)
        if short.proven_with(hub.ring()):
            return RungSeats(short, hub, pump)
    return CalledSeats(port_opener(rate, loop, short), rate, pump)


class RungSeats:
    """Seats that are served in C, and the bell by which C tells the loop of what is due."""

    def __init__(self, conference: Conference, hub: Hub, pump: Callable[[], object]) -> None:
        self._conference = conference
        self._hub = hub
        self._pump = pump
        self._seats: list[_RungSeat] = []
        self.clock = MediaClock(hub.clock)
        self.ticker = conference.open_on(hub.ring(), ticks=True)
        asyncio.get_running_loop().add_reader(hub.descriptor, self._look)

    def new(self) -> "_RungSeat":
        """See Seats."""
        ring = self._hub.ring()
        seat = _RungSeat(ring, self._conference.open_on(ring), self.clock)
        self._seats.append(seat)
        return seat

    def _look(self) -> None:
        """Something is due. The bell first: what becomes due from here on rings it again."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._hub.descriptor)
        for seat in self._seats:
            seat.look()
        if self._hub.timers():
            self._pump()


class _RungSeat:
    def __init__(self, ring: Ring, native: Any, clock: MediaClock) -> None:
        self.native = native
        self._ring = ring
        self._clock = clock
        self._audio: AudioPort | None = None

    def lend(self, name: str) -> AudioPort:
        """See Seat."""
        rate = self._ring.rate
        self._audio = AudioPort(name, rate, self._clock, lent=self._ring.lend())
        return self._audio

    def listen(self, listening: bool) -> None:
        """See Seat."""
        self._ring.listen(listening)

    def part(self) -> None:
        """See Seat."""
        self._ring.listen(False)
        self._audio = None

    def look(self) -> None:
        """Tell the AudioPort what is due."""
        due = self._ring.due()
        if self._audio is not None:
            if due & _MOUTH:
                self._audio.moved()
            if due & _EAR:
                self._audio.wake()


class CalledSeats:
    """Seats whose AudioPorts are called on the media thread."""

    def __init__(self, open_port: OpenPort, rate: int, pump: Callable[[], object]) -> None:
        self._open = open_port
        self._rate = rate
        self.clock = MediaClock()
        self._often = partial(asyncio.get_running_loop().call_soon_threadsafe, pump)
        self.ticker = open_port(self._tick, None)

    def new(self) -> "_CalledSeat":
        """See Seats."""
        return _CalledSeat(self._rate, self.clock, self._open)

    def _tick(self) -> None:
        """A cycle begins."""
        keep_thread_state()
        self.clock.tick()
        if self.clock.t % _OFTEN_MS == 0:
            self._often()


class _CalledSeat:
    """Called on the media thread by the native port it opens."""

    def __init__(self, rate: int, clock: MediaClock, open_port: OpenPort) -> None:
        self._rate = rate
        self._clock = clock
        self._audio: AudioPort | None = None
        self._listening = False
        self._silence = bytes(frame_bytes(rate))
        self.native = open_port(self._give, self._take)

    def lend(self, name: str) -> AudioPort:
        """See Seat."""
        self._audio = AudioPort(name, self._rate, self._clock)
        return self._audio

    def listen(self, listening: bool) -> None:
        """See Seat."""
        self._listening = listening

    def part(self) -> None:
        """See Seat."""
        self._audio, self._listening = None, False

    def _give(self) -> bytes | None:
        """The conference reads this port."""
        audio = self._audio
        return None if audio is None else audio.pull()

    def _take(self, pcm: bytes) -> None:
        """The conference writes to this port, every cycle, connected or not."""
        audio = self._audio
        if audio is not None and self._listening:
            audio.push(pcm or self._silence)
