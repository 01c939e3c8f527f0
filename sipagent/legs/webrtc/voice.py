"""Voices: the two directions of a browser's audio between its packets and a conference port."""

import asyncio
from collections import deque
from collections.abc import Callable

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.audio.stream import AudioStream

from sipagent.media.frames import frame_bytes

from .opus import RATE, SAMPLES, OpusDecoder, OpusEncoder
from .playout import Counts, Gap, Playout

_SIZE = frame_bytes(RATE)
#: frames that wait to be sent; more means that the loop stands still, and the oldest go
_UNSENT = 10


class Heard:
    """What the browser says. `arrived` is the loop's, `frame` the media thread's."""

    def __init__(self) -> None:
        self._playout = Playout()
        self._decoder = OpusDecoder()
        self._rest = b""
        #: on the loop's clock, when the newest packet came; None before the first
        self.last: float | None = None

    @property
    def counts(self) -> Counts:
        """How it went so far."""
        return self._playout.counts

    def arrived(self, sequence: int, timestamp: int, payload: bytes) -> None:
        """A packet came."""
        self.last = asyncio.get_running_loop().time()
        if payload:
            self._playout.put(sequence, timestamp, payload, self.last)

    def frame(self) -> bytes | None:
        """The next 20 ms at 48 kHz; None while there is nothing."""
        while len(self._rest) < _SIZE:
            taken = self._playout.take()
            if taken is Gap.QUIET:
                return None
            pcm = self._decoder.decode(taken) if isinstance(taken, bytes) else b""
            self._rest += pcm or self._decoder.hidden()
        frame, self._rest = self._rest[:_SIZE], self._rest[_SIZE:]
        return frame


class Spoken(MediaStreamTrack):
    """What the browser hears: aiortc's track, whose packets are encoded already, so that neither
    its encoder nor its threads have anything to do. The conference is the clock.
    """

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._encoder = OpusEncoder()
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=_UNSENT)
        self._arrived = asyncio.Event()
        self._home = asyncio.get_running_loop()
        self._pts = 0
        self.sent = 0

    def say(self, pcm: bytes | None) -> None:
        """20 ms at 48 kHz; None lets the time pass without a packet. Media thread."""
        self._pts += SAMPLES
        if pcm is not None and not self._home.is_closed():
            self._home.call_soon_threadsafe(self._queue, self._pts, pcm)

    def _queue(self, pts: int, pcm: bytes) -> None:
        self._frames.append((pts, pcm))
        self._arrived.set()

    async def recv(self) -> "av.Packet[AudioStream]":
        """The next packet; aiortc asks for it."""
        while True:
            while self._frames:
                pts, pcm = self._frames.popleft()
                packet = self._encoder.encode(pcm, pts)
                if packet is not None:
                    self.sent += 1
                    return packet
            if self.readyState != "live":
                raise MediaStreamError
            self._arrived.clear()
            await self._arrived.wait()

    def stop(self) -> None:
        """No more."""
        super().stop()
        self._arrived.set()


#: who is told of a frame, and gives one: the two ends a conference port needs
Mouth = Callable[[], bytes | None]
Ears = Callable[[bytes | None], None]
