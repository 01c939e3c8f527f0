"""Listener: from speech onset to final text, with what was said just before the onset."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.tasks import Background

from .babble import longest_text, most_partials
from .failover import Lineup, Work
from .protocols import Expectation, Transcriber, Transcript
from .streams import closing

OnPartial = Callable[[Transcript], None]


class HeardTurn:
    """One utterance of the caller on its way through the ears."""

    def __init__(
        self,
        ears: Lineup[Transcriber],
        expected: Expectation,
        on_partial: OnPartial,
        *,
        limit: float,
    ) -> None:
        """`limit` is how long each of the ears may take for the final text, seconds."""
        self._ears = ears
        self._expected = expected
        self._on_partial = on_partial
        self._limit = limit
        self._bound: asyncio.Timeout | None = None
        #: kept whole until the turn is understood, so that a retry hears it all; as long as
        #: the longest turn
        self._frames: list[Frame] = []
        self._more = asyncio.Event()
        #: how many of them the ears at work have got
        self._sent = 0
        self._ended = False
        self.task = asyncio.create_task(self._run())

    def frame(self, frame: Frame) -> None:
        """What the caller says."""
        self._frames.append(frame)
        self._more.set()

    def end(self) -> None:
        """The turn is over: the final text must come."""
        self._ended = True
        self._more.set()
        if self._bound is not None:
            self._bound.reschedule(asyncio.get_running_loop().time() + self._limit)

    def drop(self) -> None:
        """Nobody wants to know any more."""
        self.task.cancel()

    async def final(self) -> Transcript | None:
        """The text, or None where the ears failed (and said so)."""
        await asyncio.wait({self.task})
        return Transcript("", final=True) if self.task.cancelled() else self.task.result()

    async def _run(self) -> Transcript | None:
        work = self._ears.work()
        while True:
            try:
                return await self._bounded(work)
            except ProviderError as error:
                if not await work.failed(error):
                    return None

    async def _bounded(self, work: Work[Transcriber]) -> Transcript:
        loop = asyncio.get_running_loop()
        self._sent = 0
        try:
            async with asyncio.timeout(None) as self._bound:
                if self._ended:
                    self._bound.reschedule(loop.time() + self._limit)
                return await self._transcribe(work)
        except TimeoutError as error:
            cause = f"no text within {self._limit:g} s"
            raise ProviderError(work.name, cause, retryable=False) from error
        finally:
            self._bound = None
            work.spent(seconds=self._sent * FRAME_MS / 1000)

    async def _transcribe(self, work: Work[Transcriber]) -> Transcript:
        texts: list[str] = []
        confidence: float | None = None
        partials = 0
        async with closing(work.organ.transcribe(self._audio(), self._expected)) as transcripts:
            async for transcript in transcripts:
                if transcript.sound is not None:
                    return transcript
                self._check(work, transcript, partials)
                if not transcript.final:
                    partials += 1
                    self._on_partial(transcript)
                    continue
                texts.append(transcript.text)
                confidence = _lower(confidence, transcript.confidence)
                if self._ended:
                    break
        return Transcript(" ".join(filter(None, texts)), final=True, confidence=confidence)

    def _check(self, work: Work[Transcriber], transcript: Transcript, partials: int) -> None:
        seconds = self._sent * FRAME_MS / 1000
        if partials > most_partials(self._sent):
            cause = f"more than {partials} guesses at {seconds:.1f} s of speech"
            raise ProviderError(work.name, cause, retryable=False)
        if len(transcript.text) > longest_text(seconds):
            cause = f"{len(transcript.text)} characters for {seconds:.1f} s of speech"
            raise ProviderError(work.name, cause, retryable=False)

    async def _audio(self) -> AsyncIterator[Frame]:
        while True:
            while self._sent < len(self._frames):
                self._sent += 1
                yield self._frames[self._sent - 1]
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()


class Listener:
    """Remembers the last `before_ms` of what was heard, and opens the ears at onset."""

    def __init__(self, ears: Lineup[Transcriber], *, limit: float, before_ms: int = 300) -> None:
        self._ears = ears
        self._limit = limit
        self._before: deque[Frame] = deque(maxlen=before_ms // FRAME_MS)
        self._turn: HeardTurn | None = None
        self._tasks = Background()

    def frame(self, frame: Frame) -> None:
        """Every frame of the call."""
        if self._turn is not None:
            self._turn.frame(frame)
        self._before.append(frame)

    def open(self, expected: Expectation, on_partial: OnPartial) -> None:
        """Speech began: listen, from a little before."""
        self.drop()
        self._turn = HeardTurn(self._ears, expected, on_partial, limit=self._limit)
        self._tasks.hold(self._turn.task)
        for frame in self._before:
            self._turn.frame(frame)

    def end(self) -> HeardTurn | None:
        """The turn is over; returns where its text will come from."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.end()
        return turn

    def drop(self) -> None:
        """Give up what is being heard, and forget what was before."""
        if self._turn is not None:
            self._turn.drop()
            self._turn = None

    async def close(self) -> None:
        """Hear no more, and leave nothing running."""
        await self._tasks.stop()

    def forget(self) -> None:
        """What comes next does not follow on what came before."""
        self.drop()
        self._before.clear()


def _lower(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None
