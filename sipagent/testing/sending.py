"""Sender: what goes out on a call's next 20 ms: a key, played audio, or silence."""

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from . import audio, wideband
from .rtp import FRAME_SAMPLES, LOST, events, pack
from .sip.sdp import EVENT_PT, PAYLOAD_TYPES

_FRAME_BYTES = 2 * FRAME_SAMPLES
_WIDE = 2  # times as many samples
_BETWEEN_KEYS = 4  # frames
_SILENCE = {codec: audio.encode(codec, bytes(_FRAME_BYTES)) for codec in PAYLOAD_TYPES}


@dataclass(frozen=True, slots=True)
class Played:
    """When something was on the wire (perf_counter): its first packet, and after its last.

    `onset` is the departure of the first packet with speech in it; `whole` is False when it
    was stopped before its end.
    """

    start: float
    onset: float
    end: float
    whole: bool = True


class Playing:
    """Something to send, frame by frame; `done` tells when it was sent."""

    def __init__(self, frames: Iterable[bytes], *, keys: bool, loop: asyncio.AbstractEventLoop):
        self.keys = keys
        self.done: asyncio.Future[bool] = loop.create_future()
        self.departures: list[float] = []
        self._frames: Iterator[bytes] = iter(frames)
        self._loop = loop

    def next(self) -> bytes | None:
        """The next payload; None at the end. An empty one stands for silence."""
        return next(self._frames, None)

    def finish(self, whole: bool) -> None:
        """Tell the loop. Any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, whole)

    def _settle(self, whole: bool) -> None:
        if not self.done.done():
            self.done.set_result(whole)


class Sender:
    """Numbers and stamps what is sent. `next` belongs to the media thread."""

    def __init__(self) -> None:
        self.codec = "PCMU"
        self.event_pt: int | None = EVENT_PT
        self._queue: deque[Playing] = deque()
        self._lock = threading.Lock()
        self._ssrc = secrets.randbits(32)
        self._seq = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._event_start: int | None = None
        self._wide = wideband.Encoder()
        #: what goes out in place of 20 ms of G.711 audio (PCM; None: nothing is said); called on
        #: the media thread
        self.around: Callable[[bytes | None], bytes | None] | None = None

    def play(self, pcm: bytes, *, wide: bool = False) -> Playing:
        """Queue PCM (s16le at 8 kHz, or 16 kHz when `wide`); the last frame is padded."""
        frames = self._frames(pcm, wide=wide)
        return self._add(Playing(frames, keys=False, loop=asyncio.get_running_loop()))

    def press(self, keys: str, milliseconds: int) -> Playing:
        """Queue keys as telephone events. Raises ValueError when one is no key."""
        return self.send_events(*(events(key, milliseconds) for key in keys))

    def send_events(self, *presses: Iterable[bytes]) -> Playing:
        """Queue the packets of any number of presses as they are; some may be LOST."""
        frames = [payload for one in presses for payload in (*one, *[b""] * _BETWEEN_KEYS)]
        return self._add(Playing(frames, keys=True, loop=asyncio.get_running_loop()))

    def stop(self) -> None:
        """Send nothing more of what is queued. Any thread."""
        with self._lock:
            dropped = list(self._queue)
            self._queue.clear()
        for playing in dropped:
            playing.finish(whole=False)

    def next(self, now: float, *, sending: bool) -> bytes | None:
        """The packet of this tick; None while we may not send. Time goes on in any case."""
        timestamp = self._timestamp
        self._timestamp = (timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        if not sending:
            return None
        payload, playing = self._payload()
        if playing is not None:
            playing.departures.append(now)
        if self.around is not None and not (playing is not None and playing.keys):
            pcm = self.around(audio.decode(self.codec, payload) if payload else None)
            payload = audio.encode(self.codec, pcm) if pcm else b""
        if playing is not None and playing.keys and payload:
            payload_type, timestamp = self._key(payload, timestamp)
        else:
            payload_type = PAYLOAD_TYPES[self.codec]
            self._event_start = None
            payload = payload or _SILENCE[self.codec]
        self._seq = (self._seq + 1) & 0xFFFF
        if payload == LOST:
            return None
        return pack(payload_type, self._seq, timestamp, self._ssrc, payload)

    def _add(self, playing: Playing) -> Playing:
        with self._lock:
            self._queue.append(playing)
        return playing

    def _frames(self, pcm: bytes, *, wide: bool) -> Iterator[bytes]:
        """Encoded frame by frame: only then the codec is certain, and no tick takes long."""
        size = _FRAME_BYTES * _WIDE if wide else _FRAME_BYTES
        for start in range(0, len(pcm), size):
            yield self._encode(pcm[start : start + size].ljust(size, b"\0"), wide=wide)

    def _encode(self, pcm: bytes, *, wide: bool) -> bytes:
        if self.codec == "G722":
            return self._wide.encode(pcm if wide else wideband.doubled(pcm))
        return audio.encode(self.codec, wideband.halved(pcm) if wide else pcm)

    def _payload(self) -> tuple[bytes, Playing | None]:
        with self._lock:
            while self._queue:
                playing = self._queue[0]
                payload = playing.next()
                if payload is not None:
                    return payload, playing
                self._queue.popleft()
                playing.finish(whole=True)
        return b"", None

    def _key(self, payload: bytes, timestamp: int) -> tuple[int, int]:
        """An event keeps the timestamp of its beginning; its first packet is marked."""
        payload_type = EVENT_PT if self.event_pt is None else self.event_pt
        if self._event_start is None:
            self._event_start = timestamp
            payload_type |= 0x80
        return payload_type, self._event_start
