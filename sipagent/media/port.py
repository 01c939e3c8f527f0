"""AudioPort: one participant's ears and mouth on the bridge, where media thread and loop meet."""

import asyncio
import threading
from bisect import insort
from collections import deque
from collections.abc import AsyncIterator, Callable

from .clock import MediaClock
from .frames import FRAME_MS, Frame, frame_bytes

#: what was played is kept for so long, to be told from a caller's voice when it comes back
_KEPT_MS = 1_000


class Mark:
    """A place in what a port plays. `await mark.reached()` tells whether it was heard."""

    __slots__ = ("_future", "position", "t")

    def __init__(self, position: int, loop: asyncio.AbstractEventLoop) -> None:
        self.position = position
        self.t: int | None = None
        self._future: asyncio.Future[bool] = loop.create_future()

    def settle(self, heard: bool, t: int) -> None:
        """Resolve the mark; `t` is media-clock ms. Called on the loop."""
        if not self._future.done():
            self.t = t if heard else None
            self._future.set_result(heard)

    async def reached(self) -> bool:
        """Wait until the place was played (True) or was cleared before it could be (False)."""
        return await asyncio.shield(self._future)


class AudioPort:
    """Two bounded queues of frames, and the exact count of what was played.

    Live audio that arrives late is worthless, so what is heard drops the oldest; made audio
    (speech, prompts) must be whole, so `play` waits for room. `pull` and `push` belong to the
    media thread, everything else to the event loop. Positions are frames since the port opened.
    """

    def __init__(self, name: str, rate: int, clock: MediaClock, *, limit_ms: int = 2_000) -> None:
        self.name = name
        self.rate = rate
        self.clock = clock
        #: what is done to each frame that is heard, before anybody has it
        self.treat: Callable[[bytes], bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._limit = limit_ms // FRAME_MS
        self._out: deque[bytes] = deque()
        self._rest = b""
        self._queued = 0
        self._played = 0
        self._paused = False
        self._marks: deque[Mark] = deque()
        self._heard: deque[Frame] = deque(maxlen=self._limit)
        self._pulled: deque[Frame] = deque(maxlen=_KEPT_MS // FRAME_MS)
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False

    # The participant's side, on the event loop.

    @property
    def played(self) -> int:
        """Frames of made audio that were pulled by the bridge so far."""
        return self._played

    @property
    def position(self) -> int:
        """Where the next played frame will stand: frames queued so far, whole ones only."""
        return self._queued

    @property
    def recent(self) -> tuple[Frame, ...]:
        """What was pulled in the last frames that were not silent, a second of them at most, each
        with the media-clock time at which it went out.
        """
        with self._lock:
            return tuple(self._pulled)

    @property
    def idle(self) -> bool:
        """True when nothing waits to be played."""
        return not self._out and not self._rest

    async def play(self, pcm: bytes) -> None:
        """Queue PCM at the port's rate, any length; waits while the queue is full."""
        size = frame_bytes(self.rate)
        data = self._rest + pcm
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        for start in range(0, whole, size):
            while len(self._out) >= self._limit and not self._closed:
                self._room.clear()
                await self._room.wait()
            if self._closed:
                return
            with self._lock:
                self._out.append(data[start : start + size])
                self._queued += 1

    def mark(self) -> Mark:
        """Pad to a whole frame and mark the place after everything queued so far."""
        if self._rest:
            padded = self._rest.ljust(frame_bytes(self.rate), b"\0")
            self._rest = b""
            with self._lock:
                self._out.append(padded)
                self._queued += 1
        return self.mark_at(self._queued)

    def mark_at(self, position: int) -> Mark:
        """Mark the place after `position` frames; settles at once if it was played already."""
        mark = Mark(position, self._loop)
        with self._lock:
            if self._played < position:
                insort(self._marks, mark, key=lambda m: m.position)
                return mark
        mark.settle(heard=True, t=self.clock.t)
        return mark

    def pause(self) -> int:
        """Fall silent from the next frame on; nothing is lost. Returns the position played to."""
        with self._lock:
            self._paused = True
            return self._played

    def resume(self) -> None:
        """Go on from the exact frame where `pause` stopped."""
        with self._lock:
            self._paused = False

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume` or `clear`."""
        return self._paused

    def take_back(self, position: int) -> bool:
        """Drop what is queued from `position` on; False where some of that was played already."""
        with self._lock:
            if self._played > position:
                return False
            while self._queued > position:
                self._out.pop()
                self._queued -= 1
            self._rest = b""
            unheard = [mark for mark in self._marks if mark.position > position]
            self._marks = deque(mark for mark in self._marks if mark.position <= position)
        for mark in unheard:
            mark.settle(heard=False, t=self.clock.t)
        self._room.set()
        return True

    def clear(self) -> int:
        """Drop what was not yet played and lift a pause. Returns the dropped milliseconds."""
        with self._lock:
            dropped = len(self._out)
            self._out.clear()
            self._rest = b""
            self._queued = self._played
            self._paused = False
            marks, self._marks = self._marks, deque()
        for mark in marks:
            mark.settle(heard=False, t=self.clock.t)
        self._room.set()
        return dropped * FRAME_MS

    async def frames(self) -> AsyncIterator[Frame]:
        """What the others say, a frame at a time, until the port is closed."""
        while True:
            while self._heard:
                frame = self._heard.popleft()
                yield frame if self.treat is None else Frame(self.treat(frame.pcm), frame.t)
            if self._closed:
                return
            self._arrived.clear()
            if not self._heard:
                await self._arrived.wait()

    def close(self) -> None:
        """End `frames`, release `play`, settle all marks. The bridge calls it too; idempotent."""
        self._closed = True
        self.clear()
        self._arrived.set()

    # The bridge's side, on the media thread: short, never blocks on the loop.

    def pull(self) -> bytes | None:
        """The next frame to be heard by others, or None for silence."""
        reached: list[Mark] = []
        with self._lock:
            if self._paused or not self._out:
                return None
            pcm = self._out.popleft()
            self._played += 1
            while self._marks and self._marks[0].position <= self._played:
                reached.append(self._marks.popleft())
            wake = bool(reached) or len(self._out) == self._limit - 1
            self._pulled.append(Frame(pcm, self.clock.t))
        if wake:
            self._call(self._settled, reached, self.clock.t)
        return pcm

    def push(self, pcm: bytes) -> None:
        """What the others said during the frame that just passed."""
        self._heard.append(Frame(pcm, self.clock.t))
        self._call(self._arrived.set)

    def _settled(self, reached: list[Mark], t: int) -> None:
        self._room.set()
        for mark in reached:
            mark.settle(heard=True, t=t)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)
