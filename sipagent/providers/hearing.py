"""One spoken answer: wait for speech, follow it to its end, and let the ears say what it was."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from math import inf

from sipagent.agent.protocols import Connected, Expectation, Transcriber
from sipagent.call.services import Heard, Overheard, SpeechDetector
from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

#: an answer is cut here, seconds
LONGEST = 30.0
#: audio from before the onset that the ears get too: detectors fire 80-190 ms late
PRE_ROLL_MS = 300
#: speech while at least this many of the last `_WINDOW` frames are likely
_LIKELY, _ONSET_FRAMES, _WINDOW = 0.5, 3, 5
_STILL_LIKELY = 0.35
#: a port that brings no frames at all this long is dead, seconds
_STALLED = 5.0


#: utterances that may wait for the ears
_CUTS = 8


def no_others(engine: str, rate: int) -> Transcriber:
    """A house with the embedded ears only. Raises ProviderError."""
    cause = "there are no ears here that hear any words: configure some under providers:"
    raise ProviderError(engine or "ears", cause, retryable=False)


class EmbeddedHearing:
    """Hearing, made of a detector and ears; both are made anew for each answer.

    `others` gives the ears that an engine's name stands for, and those that hear any words for
    the empty name. Raises ProviderError where there are none.
    """

    def __init__(
        self,
        detector: Callable[[int], SpeechDetector],
        ears: Callable[[int], Transcriber],
        others: Callable[[str, int], Transcriber] = no_others,
    ) -> None:
        self._detector = detector
        self._ears = ears
        self._others = others

    async def hear(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str],
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None = None,
        language: str = "",
        engine: str = "",
    ) -> Heard | None:
        """One utterance, or None when nobody spoke within `initial_timeout` seconds.

        `end_timeout` is the silence, in seconds, that ends it. Time is the port's media clock.
        Raises ProviderError, also when the port brings no audio at all.
        """
        answer = _Answer(port, self._detector(port.rate), initial_timeout, end_timeout, on_speech)
        heard: Heard | None = None
        ears = self._others(engine, port.rate) if engine else self._ears(port.rate)
        expected = Expectation(tuple(phrases), language=language)
        async with aclosing(answer.frames()) as frames, closed_after(ears):
            async for transcript in ears.transcribe(frames, expected):
                if transcript.final:
                    heard = Heard(transcript.text, transcript.confidence)
        return heard if answer.spoken else None

    def listen(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str] = (),
        end_timeout: float = 0.8,
        language: str = "",
        engine: str = "",
    ) -> AsyncIterator[Overheard]:
        """See `Hearing`."""
        ears = self._others(engine, port.rate)
        expected = Expectation(tuple(phrases), language=language)
        return self._listening(port, ears, expected, end_timeout)

    async def _listening(
        self, port: AudioPort, ears: Transcriber, expected: Expectation, end_timeout: float
    ) -> AsyncIterator[Overheard]:
        cuts: asyncio.Queue[_Cut | None] = asyncio.Queue()
        cutting = asyncio.ensure_future(self._cut(port, cuts, end_timeout))
        try:
            async with closed_after(ears):
                while (cut := await cuts.get()) is not None:
                    heard = await _transcribed(ears, cut, expected)
                    if heard is not None:
                        yield heard
            await cutting
        finally:
            await stopped(cutting)

    async def _cut(
        self, port: AudioPort, cuts: "asyncio.Queue[_Cut | None]", end_timeout: float
    ) -> None:
        """One utterance after the other; of ears that are too far behind the newest are lost."""
        detector = self._detector(port.rate)
        try:
            while True:
                answer = _Answer(port, detector, inf, end_timeout, None, stalled=None)
                cut: _Cut | None = None
                async with aclosing(answer.frames()) as frames:
                    async for frame in frames:
                        if cut is None:
                            cut = _Cut(frame.t)
                            if cuts.qsize() < _CUTS:
                                cuts.put_nowait(cut)
                        cut.add(frame)
                if cut is None:
                    return
                cut.over()
        finally:
            cuts.put_nowait(None)


async def _transcribed(ears: Transcriber, cut: "_Cut", expected: Expectation) -> Overheard | None:
    heard: Overheard | None = None
    async for transcript in ears.transcribe(cut.frames(), expected):
        if transcript.final and transcript.text.strip():
            heard = Overheard(transcript.text, transcript.confidence, cut.began, cut.ended)
    return heard


class _Cut:
    """One utterance on its way to the ears: whole seconds of it may wait."""

    def __init__(self, began: int) -> None:
        self.began = self.ended = began
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()

    def add(self, frame: Frame) -> None:
        self.ended = frame.t
        self._frames.put_nowait(frame)

    def over(self) -> None:
        self._frames.put_nowait(None)

    async def frames(self) -> AsyncIterator[Frame]:
        while (frame := await self._frames.get()) is not None:
            yield frame


@asynccontextmanager
async def closed_after(organ: object) -> AsyncIterator[None]:
    """Let go of the connections of ears, a mind or a mouth when the block is left."""
    try:
        yield
    finally:
        if isinstance(organ, Connected):
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await organ.aclose()


class _Answer:
    """The frames of one utterance, from shortly before its onset to its end."""

    def __init__(
        self,
        port: AudioPort,
        detector: SpeechDetector,
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None,
        *,
        stalled: float | None = _STALLED,
    ) -> None:
        self.spoken = False
        self._stalled = stalled
        self._port = port
        self._detector = detector
        self._initial_ms = initial_timeout * 1000
        self._end_ms = end_timeout * 1000
        self._on_speech = on_speech

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Nothing at all where nobody speaks in time."""
        async with aclosing(_live(self._port, self._stalled)) as live:
            before = await self._onset(live)
            if not self.spoken:
                return
            for frame in before:
                yield frame
            start = last_speech = before[-1].t
            async for frame in live:
                if self._detector.probability(frame.pcm) >= _STILL_LIKELY:
                    last_speech = frame.t
                yield frame
                if frame.t - last_speech >= self._end_ms or frame.t - start >= LONGEST * 1000:
                    return

    async def _onset(self, live: AsyncIterator[Frame]) -> list[Frame]:
        """Wait for speech; what was heard shortly before and at it."""
        before: deque[Frame] = deque(maxlen=PRE_ROLL_MS // FRAME_MS + _WINDOW)
        likely: deque[bool] = deque(maxlen=_WINDOW)
        start = self._port.clock.t
        async for frame in live:
            before.append(frame)
            likely.append(self._detector.probability(frame.pcm) >= _LIKELY)
            if sum(likely) >= _ONSET_FRAMES:
                self.spoken = True
                if self._on_speech is not None:
                    self._on_speech()
                break
            if frame.t - start >= self._initial_ms:
                break
        return list(before)


async def _live(port: AudioPort, stalled: float | None) -> AsyncGenerator[Frame, None]:
    """Frames from now on, less what waited in the port from longer ago than the pre-roll."""
    oldest = port.clock.t - PRE_ROLL_MS
    frames = port.frames()
    while True:
        try:
            async with asyncio.timeout(stalled):
                frame = await anext(frames)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ProviderError("hearing", f"{port.name} brings no audio") from error
        if frame.t >= oldest:
            yield frame
