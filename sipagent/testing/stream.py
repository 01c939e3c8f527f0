"""RtpStream: one call's RTP socket, ticked by the pacer: it sends one packet and reads the rest."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .listening import Watch
from .pacer import SHARED, Pacer
from .rtp import FRAME_SECONDS, Event, Packet, Reception, event, unpack
from .sending import Played, Playing, Sender
from .sip.transport import Address
from .track import SPEECH_LEVEL, Passed, Track

#: Linux: the kernel stamps each datagram as it arrives, however busy we are (socket(7))
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
_ANCILLARY = socket.CMSG_SPACE(_STAMP.size)
_LARGEST = 2048
#: datagrams read in one tick: twenty times what one peer sends
_AT_ONCE = 40
_LATE = 0.005
_UNDISTURBED = 0.00002

T = TypeVar("T")


@dataclass(slots=True)
class Departures:
    """How well we kept our own time; `late` counts ticks more than 5 ms behind."""

    packets: int = 0
    late: int = 0
    worst_ms: float = 0.0
    refused: int = 0


class WallClock:
    """The kernel stamps by the wall clock; this brings its stamps to `perf_counter`."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._known = False

    def offset(self) -> float:
        """Seconds to add. A reading is believed when nothing came between its two clocks."""
        before = time.perf_counter()
        wall = time.time()
        if time.perf_counter() - before < _UNDISTURBED or not self._known:
            self._offset = before - wall
            self._known = True
        return self._offset


@dataclass(slots=True)
class Route:
    """Where RTP goes, and whether it may."""

    remote: Address | None = None
    sending: bool = False


class RtpStream:
    """Bound on construction and ticking from then on. Methods are the loop's; `tick` is the
    media thread's. Packets are read at the stream's own ticks, so waiting costs no wake-ups; the
    arrival times are the kernel's.
    """

    def __init__(
        self,
        host: str,
        on_key: Callable[[str], None],
        *,
        keep_seconds: float | None = None,
        pacer: Pacer = SHARED,
    ) -> None:
        self.heard = Track(keep_seconds)
        self.said = Track(keep_seconds)
        self.reception = Reception()
        self.departures = Departures()
        self.sender = Sender()
        self.route = Route()
        self._on_key = on_key
        self._wall = WallClock()
        self._socket = bind_even(host)
        self._loop = asyncio.get_running_loop()
        self._highest: Packet | None = None
        self._last_event = -1
        self._watches: list[tuple[Watch, asyncio.Future[float]]] = []
        self._closing: asyncio.Future[None] | None = None
        pacer.add(self)

    @property
    def address(self) -> Address:
        """Where we want RTP sent."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    async def played(self, playing: Playing) -> Played:
        """Wait until something queued on the sender was sent, or stopped."""
        try:
            whole = await asyncio.shield(playing.done)
        except asyncio.CancelledError:
            self.sender.stop()
            raise
        if not playing.departures:
            now = time.perf_counter()
            return Played(now, now, now, whole)
        start, end = playing.departures[0], playing.departures[-1] + FRAME_SECONDS
        onset = self.said.onset(start, SPEECH_LEVEL)
        return Played(start, start if onset is None or onset > end else onset, end, whole)

    async def watch(self, watch: Watch, timeout: float) -> float:
        """Wait until `watch` has seen enough of what arrives. Raises TimeoutError."""
        seen: asyncio.Future[float] = self._loop.create_future()
        entry = (watch, seen)
        self._watches.append(entry)
        try:
            async with asyncio.timeout(timeout):
                return await seen
        finally:
            self._watches.remove(entry)

    async def close(self) -> None:
        """Stop sending and free the socket. Idempotent."""
        if self._closing is None:
            self._closing = self._loop.create_future()
        await asyncio.shield(self._closing)

    # The media thread's side.

    def tick(self, due: float) -> bool:
        """Send what is due and read what came."""
        now = time.perf_counter()
        if self._closing is not None:
            self._release(self._closing)
            return False
        self._send(now, due)
        packets = self._read()
        if self._watches:
            self._look(packets, now)
        return True

    def _send(self, now: float, due: float) -> None:
        remote = self.route.remote
        data = self.sender.next(now, sending=self.route.sending and remote is not None)
        if data is None or remote is None:
            return
        try:
            self._socket.sendto(data, remote)
        except OSError:
            self.departures.refused += 1
            return
        self.said.add(((now, data),))
        departures, lateness = self.departures, now - due
        departures.packets += 1
        departures.late += lateness > _LATE
        departures.worst_ms = max(departures.worst_ms, 1000 * lateness)

    def _read(self) -> list[Packet]:
        packets: list[Packet] = []
        passed: list[Passed] = []
        offset = self._wall.offset()
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_LARGEST, _ANCILLARY)
            except BlockingIOError:
                break
            except OSError:
                continue
            if ancillary:
                seconds, nanoseconds = _STAMP.unpack_from(ancillary[0][2])
                at = seconds + nanoseconds * 1e-9 + offset
            else:
                at = time.perf_counter()
            packet = unpack(data, at)
            if packet is not None:
                self._count(packet)
                packets.append(packet)
                passed.append((at, data))
        self.heard.add(passed)
        return packets

    def _count(self, packet: Packet) -> None:
        before = self._highest
        self.reception.count(packet, before)
        if (
            before is None
            or before.ssrc != packet.ssrc
            or 0 < ((packet.seq - before.seq) & 0xFFFF) < 0x8000
        ):
            self._highest = packet
        if packet.payload_type == self.sender.event_pt:
            pressed = event(packet.payload)
            if pressed is not None and packet.timestamp != self._last_event:
                self._last_event = packet.timestamp
                self._press(pressed)

    def _press(self, pressed: Event) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_key, pressed.key)

    def _look(self, packets: list[Packet], now: float) -> None:
        for watch, seen in list(self._watches):
            at = watch.look(packets, now)
            if at is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_settle, seen, at)

    def _release(self, closing: "asyncio.Future[None]") -> None:
        self.sender.stop()
        self._socket.close()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_settle, closing, None)


def _settle(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)


def bind_even(host: str) -> socket.socket:
    """A UDP socket on a free even port (RFC 3550 section 11), so that a peer's RTCP, one above,
    never lands in another call's RTP. Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        bound = socket.socket(family, socket.SOCK_DGRAM)
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        bound.bind((host, 0))
        if bound.getsockname()[1] % 2 == 0:
            return bound
        bound.close()
