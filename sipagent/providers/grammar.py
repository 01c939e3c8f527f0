"""The embedded ears: declared phrases, heard through a grammar, on a telephone line.

Free dictation is out of this model's reach at 8 kHz (two words of three are wrong); choosing
among the phrases that make sense now is not, and a second decoder tells when none was said.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.media.frames import Frame

from .certainty import MIDDLE
from .decoders import DecoderPair, Match, Phrases
from .levelling import Levelled
from .phrases import UnknownWords, unknown_words, words

#: 20 ms pieces between two looks at the leading phrase
_LOOK_EVERY = 5
#: below this even "something was said" is too much: noise, or nothing like any phrase
NOTHING = 0.02


class GrammarModels:
    """The decoders of a process. Make it before the fork; children share the models' pages.

    One pair hears one utterance at a time; a caller and a called party can be heard at once with
    two. Where all are busy, the next utterance waits its turn.
    """

    def __init__(self, pairs: int = 1) -> None:
        self._free = deque(DecoderPair() for _ in range(pairs))
        self._released = asyncio.Event()

    def ears(self, rate: int) -> "GrammarEars":
        """Ears for audio at `rate` Hz."""
        return GrammarEars(self, rate)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[DecoderPair]:
        """A pair for one utterance."""
        while not self._free:
            self._released.clear()
            await self._released.wait()
        pair = self._free.popleft()
        try:
            yield pair
        finally:
            self._free.append(pair)
            self._released.set()


class GrammarEars:
    """A Transcriber. Its text is always one of the declared phrases as written, or empty.

    Confidence: at or above 0.8 high, from 0.5 middle, below low (see `certainty`).
    """

    def __init__(self, models: GrammarModels, rate: int) -> None:
        self._models = models
        self._rate = rate

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """Hear one utterance. Raises UnknownWords."""
        written = _declared(expected)
        if not written:
            async for _ in audio:
                pass
            yield Transcript("", final=True, confidence=0.0)
            return
        async with self._models.lent() as pair:
            pair.start(tuple(written))
            running = True
            try:
                async for partial in self._partials(pair, audio, written):
                    yield partial
                running = False
                pair.finish()
                yield _final(pair.match(), written)
            finally:
                if running:
                    pair.finish()

    async def _partials(
        self, pair: DecoderPair, audio: AsyncIterator[Frame], written: dict[tuple[str, ...], str]
    ) -> AsyncIterator[Transcript]:
        levelled = Levelled(self._rate)
        fed, shown = 0, Transcript("", final=False)
        async for frame in audio:
            for piece in levelled.feed(frame.pcm):
                pair.feed(piece)
                fed += 1
                # What was held back comes at once: media must not wait for all of it.
                await asyncio.sleep(0)
            if fed >= _LOOK_EVERY:
                fed = 0
                partial = _partial(pair, written)
                if partial.text and partial != shown:
                    shown = partial
                    yield partial
        for piece in levelled.finish():
            pair.feed(piece)
            await asyncio.sleep(0)


def _declared(expected: Expectation) -> dict[tuple[str, ...], str]:
    """Normalised words of each phrase, and the phrase as it was written."""
    unknown = unknown_words(expected.phrases)
    if unknown:
        raise UnknownWords(unknown)
    written: dict[tuple[str, ...], str] = {}
    for phrase in expected.phrases:
        if plain := words(phrase):
            written.setdefault(plain, phrase)
    return written


def _partial(pair: DecoderPair, written: dict[tuple[str, ...], str]) -> Transcript:
    leading = pair.leading()
    if leading not in written:
        return Transcript(" ".join(leading), final=False, confidence=0.0)
    match = pair.match()
    # The grammar turns any sound into a phrase; only one that fits is believed.
    confidence = 0.0 if match is None else round(match.evidence.confidence, 3)
    return Transcript(
        written[leading], final=False, confidence=confidence, complete=confidence >= MIDDLE
    )


def _final(match: Match | None, written: dict[tuple[str, ...], str]) -> Transcript:
    if match is None or match.words not in written:
        return Transcript("", final=True, confidence=0.0)
    confidence = match.evidence.confidence
    if confidence < NOTHING:
        return Transcript("", final=True, confidence=0.0)
    return Transcript(written[match.words], final=True, confidence=round(confidence, 3))


__all__ = ["GrammarEars", "GrammarModels", "Phrases", "UnknownWords", "unknown_words"]
