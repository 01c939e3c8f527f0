"""Listener: from speech onset to final text, with what was said just before the onset."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame

from .protocols import Expectation, Transcriber, Transcript
from .streams import closing

OnPartial = Callable[[Transcript], None]
OnFailure = Callable[[ProviderError, bool], None]


class HeardTurn:
    """One utterance of the caller on its way through the ears."""

    def __init__(
        self, ears: Transcriber, expected: Expectation, on_partial: OnPartial, on_failure: OnFailure
    ) -> None:
        self._ears = ears
        self._expected = expected
        self._on_partial = on_partial
        self._on_failure = on_failure
        #: kept whole until the turn is understood, so that a retry hears it all; as long as
        #: the longest turn
        self._frames: list[Frame] = []
        self._more = asyncio.Event()
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

    def drop(self) -> None:
        """Nobody wants to know any more."""
        self.task.cancel()

    async def final(self, limit: float, provider: str) -> Transcript | None:
        """The text, within `limit` seconds, or None where the ears failed (and said so)."""
        await asyncio.wait({self.task}, timeout=limit)
        if self.task.cancelled():
            return Transcript("", final=True)
        if not self.task.done():
            self.task.cancel()
            self._on_failure(ProviderError(provider, f"no text within {limit:g} s"), False)
            return None
        return self.task.result()

    async def _run(self) -> Transcript | None:
        for attempt in range(2):
            try:
                return await self._transcribe()
            except ProviderError as error:
                again = attempt == 0 and error.retryable
                self._on_failure(error, again)
                if not again:
                    break
        return None

    async def _transcribe(self) -> Transcript:
        texts: list[str] = []
        confidence: float | None = None
        async with closing(self._ears.transcribe(self._audio(), self._expected)) as transcripts:
            async for transcript in transcripts:
                if transcript.sound is not None:
                    return transcript
                if not transcript.final:
                    self._on_partial(transcript)
                    continue
                texts.append(transcript.text)
                confidence = _lower(confidence, transcript.confidence)
                if self._ended:
                    break
        return Transcript(" ".join(filter(None, texts)), final=True, confidence=confidence)

    async def _audio(self) -> AsyncIterator[Frame]:
        sent = 0
        while True:
            while sent < len(self._frames):
                yield self._frames[sent]
                sent += 1
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()


class Listener:
    """Remembers the last `before_ms` of what was heard, and opens the ears at onset."""

    def __init__(self, ears: Transcriber, on_failure: OnFailure, *, before_ms: int = 300) -> None:
        self._ears = ears
        self._on_failure = on_failure
        self._before: deque[Frame] = deque(maxlen=before_ms // FRAME_MS)
        self._turn: HeardTurn | None = None
        self._tasks: set[asyncio.Task[Transcript | None]] = set()

    def frame(self, frame: Frame) -> None:
        """Every frame of the call."""
        if self._turn is not None:
            self._turn.frame(frame)
        self._before.append(frame)

    def open(self, expected: Expectation, on_partial: OnPartial) -> None:
        """Speech began: listen, from a little before."""
        self.drop()
        self._turn = HeardTurn(self._ears, expected, on_partial, self._on_failure)
        self._tasks.add(self._turn.task)
        self._turn.task.add_done_callback(self._tasks.discard)
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self) -> None:
        """What comes next does not follow on what came before."""
        self.drop()
        self._before.clear()


def _lower(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None
