"""One spoken answer: wait for speech, follow it to its end, and let the ears say what it was."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from sipagent.agent.protocols import Expectation, Transcriber
from sipagent.call.services import Heard, SpeechDetector
from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.media.port import AudioPort

#: an answer is cut here, seconds
LONGEST = 30.0
#: audio from before the onset that the ears get too: detectors fire 80-190 ms late
PRE_ROLL_MS = 300
#: speech while at least this many of the last `_WINDOW` frames are likely
_LIKELY, _ONSET_FRAMES, _WINDOW = 0.5, 3, 5
_STILL_LIKELY = 0.35
#: a port that brings no frames at all this long is dead, seconds
_STALLED = 5.0


class EmbeddedHearing:
    """Hearing, made of a detector and ears; both are made anew for each answer."""

    def __init__(
        self,
        detector: Callable[[int], SpeechDetector],
        ears: Callable[[int], Transcriber],
    ) -> None:
        self._detector = detector
        self._ears = ears

    async def hear(
        self,
        port: AudioPort,
        *,
        phrases: Sequence[str],
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None = None,
    ) -> Heard | None:
        """One utterance, or None when nobody spoke within `initial_timeout` seconds.

        `end_timeout` is the silence, in seconds, that ends it. Time is the port's media clock.
        Raises ProviderError, also when the port brings no audio at all.
        """
        answer = _Answer(port, self._detector(port.rate), initial_timeout, end_timeout, on_speech)
        heard: Heard | None = None
        ears = self._ears(port.rate)
        async with aclosing(answer.frames()) as frames:
            async for transcript in ears.transcribe(frames, Expectation(tuple(phrases))):
                if transcript.final:
                    heard = Heard(transcript.text, transcript.confidence)
        return heard if answer.spoken else None


class _Answer:
    """The frames of one utterance, from shortly before its onset to its end."""

    def __init__(
        self,
        port: AudioPort,
        detector: SpeechDetector,
        initial_timeout: float,
        end_timeout: float,
        on_speech: Callable[[], None] | None,
    ) -> None:
        self.spoken = False
        self._port = port
        self._detector = detector
        self._initial_ms = initial_timeout * 1000
        self._end_ms = end_timeout * 1000
        self._on_speech = on_speech

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Nothing at all where nobody speaks in time."""
        async with aclosing(_live(self._port)) as live:
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


async def _live(port: AudioPort) -> AsyncGenerator[Frame, None]:
    """Frames from now on, less what waited in the port from longer ago than the pre-roll."""
    oldest = port.clock.t - PRE_ROLL_MS
    frames = port.frames()
    while True:
        try:
            async with asyncio.timeout(_STALLED):
                frame = await anext(frames)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ProviderError("hearing", f"{port.name} brings no audio") from error
        if frame.t >= oldest:
            yield frame
