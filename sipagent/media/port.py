"""AudioPort: one participant's ears and mouth on the bridge, where media thread and loop meet."""

import asyncio
from bisect import insort
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from .clock import MediaClock
from .ear import Ear, Patience, QueuedEar
from .frames import FRAME_MS, Frame, frame_bytes
from .mouth import KEPT_MS, Mouth, QueuedMouth

#: frames that wait in a port, heard or to be said
LIMIT_MS = 2_000


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


class _Recent:
    """The newest frames that a mouth has played."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque(maxlen=KEPT_MS // FRAME_MS)
        self._upto = 0

    def of(self, mouth: Mouth) -> Sequence[Frame]:
        """Those up to now, oldest first."""
        played = mouth.played
        if played > self._upto:
            kept = KEPT_MS // FRAME_MS
            new = range(max(self._upto, played - kept), played)
            self._frames.extend(mouth.frame(position) for position in new)
            self._upto = played
        return self._frames


class AudioPort:
    """Two bounded queues of frames, and the exact count of what was played.

    Live audio that arrives late is worthless, so what is heard drops the oldest; made audio
    (speech, prompts) must be whole, so `play` waits for room. `pull` and `push` belong to the
    media thread, everything else to the event loop. Positions are frames since the port opened.
    """

    def __init__(
        self,
        name: str,
        rate: int,
        clock: MediaClock,
        *,
        limit_ms: int = LIMIT_MS,
        lent: tuple[Mouth, Ear] | None = None,
    ) -> None:
        """`lent` are queues that native code fills and empties; whoever lends them calls `moved`
        and `wake` when they have something to tell.
        """
        self.name = name
        self.rate = rate
        self.clock = clock
        #: what is done to each frame that is heard, before anybody has it
        self.treat: Callable[[bytes], bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._mouth, self._ear = lent or self._queues(limit_ms // FRAME_MS)
        self._rest = b""
        self._marks: deque[Mark] = deque()
        self._recent = _Recent()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False

    def _queues(self, limit: int) -> tuple[Mouth, Ear]:
        return (
            QueuedMouth(limit, lambda: self._call(self.moved)),
            QueuedEar(limit, lambda: self._call(self.wake)),
        )

    # The participant's side, on the event loop.

    @property
    def patience(self) -> Patience:
        """How soon whoever reads `frames` wants them; may change with every frame."""
        return self._ear.patience

    @patience.setter
    def patience(self, patience: Patience) -> None:
        self._ear.patience = patience

    @property
    def played(self) -> int:
        """Frames of made audio that were pulled by the bridge so far."""
        return self._mouth.played

    @property
    def position(self) -> int:
        """Where the next played frame will stand: frames queued so far, whole ones only."""
        return self._mouth.queued

    @property
    def recent(self) -> Sequence[Frame]:
        """What was pulled in the last frames that were not silent, a second of them at most, each
        with the media-clock time at which it went out. As of now: ask again for what came later.
        """
        return self._recent.of(self._mouth)

    @property
    def idle(self) -> bool:
        """True when nothing waits to be played."""
        return self._mouth.queued == self._mouth.played and not self._rest

    async def play(self, pcm: bytes) -> None:
        """Queue PCM at the port's rate, any length; waits while the queue is full."""
        size = frame_bytes(self.rate)
        data = self._rest + pcm
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        self.moved()  # before its frames are older than what is kept
        for start in range(0, whole, size):
            while not self._closed and not self._mouth.put(data[start : start + size]):
                self._room.clear()
                await self._room.wait()
            if self._closed:
                return

    def mark(self) -> Mark:
        """Pad to a whole frame and mark the place after everything queued so far. Where far too
        many marks have padded what nobody hears, the padded frame is dropped.
        """
        if self._rest:
            self._mouth.put(self._rest.ljust(frame_bytes(self.rate), b"\0"), over=True)
            self._rest = b""
        return self.mark_at(self._mouth.queued)

    def mark_at(self, position: int) -> Mark:
        """Mark the place after `position` frames; settles at once if it was played already."""
        mark = Mark(position, self._loop)
        if self._mouth.played >= position:
            mark.settle(heard=True, t=self.clock.t)
        else:
            insort(self._marks, mark, key=lambda m: m.position)
            self.moved()
        return mark

    def pause(self) -> int:
        """Fall silent from the next frame on; nothing is lost. Returns the position played to."""
        return self._mouth.pause()

    def resume(self) -> None:
        """Go on from the exact frame where `pause` stopped."""
        self._mouth.resume()

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume` or `clear`."""
        return self._mouth.paused

    def take_back(self, position: int) -> bool:
        """Drop what is queued from `position` on; False where some of that was played already."""
        if not self._mouth.take_back(position):
            return False
        self._rest = b""
        self._let_go(position)
        return True

    def clear(self) -> int:
        """Drop what was not yet played and lift a pause. Returns the dropped milliseconds."""
        dropped = self._mouth.clear()
        self._rest = b""
        self.moved()
        self._let_go(self._mouth.played)
        return dropped * FRAME_MS

    def _let_go(self, position: int) -> None:
        """What was to be played after `position` will not be."""
        while self._marks and self._marks[-1].position > position:
            self._marks.pop().settle(heard=False, t=self.clock.t)
        self._room.set()

    async def frames(self) -> AsyncIterator[Frame]:
        """What the others say, a frame at a time, until the port is closed."""
        while True:
            while (frame := self._ear.take()) is not None:
                yield self._treated(frame)
            if self._closed:
                return
            await self._more()

    async def batches(self) -> AsyncIterator[Sequence[Frame]]:
        """As `frames`, all that waits at once."""
        while True:
            while frames := self.waiting():
                yield [self._treated(frame) for frame in frames]
            if self._closed:
                return
            await self._more()

    def _treated(self, frame: Frame) -> Frame:
        return frame if self.treat is None else Frame(self.treat(frame.pcm), frame.t)

    async def _more(self) -> None:
        """Wait until something was heard that is to be given now."""
        # together, and last: a wake-up that was for frames already given must not stand in the
        # way of the next one
        self._arrived.clear()
        if self._ear.rest():
            await self._arrived.wait()

    @property
    def caught_up(self) -> bool:
        """True where nothing that was heard waits to be given."""
        return not self._ear.waiting

    def waiting(self) -> list[Frame]:
        """What was heard and was not given yet; it will not be. Nothing was done to it."""
        frames = (self._ear.take() for _ in range(self._ear.waiting))
        return [frame for frame in frames if frame is not None]

    def wake(self) -> None:
        """Give what was heard now, patience or not."""
        self._arrived.set()

    def moved(self) -> None:
        """What is to be played went on: settle the marks that were reached, let `play` go on."""
        while self._marks and not self._mouth.watch(self._marks[0].position):
            mark = self._marks.popleft()
            mark.settle(heard=True, t=self._mouth.frame(mark.position - 1).t)
        self._room.set()

    def close(self) -> None:
        """End `frames`, release `play`, settle all marks. The bridge calls it too; idempotent."""
        self._closed = True
        self.clear()
        self._recent.of(self._mouth)
        self._mouth, self._ear = self._mouth.parted(), self._ear.parted()
        self._arrived.set()

    # The bridge's side, on the media thread: short, never blocks on the loop.

    def pull(self) -> bytes | None:
        """The next frame to be heard by others, or None for silence."""
        return self._mouth.pull(self.clock.t)

    def push(self, pcm: bytes) -> None:
        """What the others said during the frame that just passed."""
        self._ear.push(pcm, self.clock.t)

    def _call(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)
