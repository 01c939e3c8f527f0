"""Making: streamed text in, sound out, sentence by sentence, a little ahead of the playing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from sipagent.errors import ProviderError
from sipagent.media.gain import amplified

from ..babble import longest_sound
from ..failover import Lineup, Work
from ..protocols import Synthesizer
from ..streams import closing
from .heard import Piece, SpokenText
from .manner import Manner
from .sentences import SentenceSplitter

#: sentences made but not yet wholly played into the port; a long answer is not made in one go
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Mouth:
    """Who speaks, how long a chunk may take (seconds), how the agent speaks at present, and how
    much louder than its mouth (dB).
    """

    synthesizers: Lineup[Synthesizer]
    limit: float
    manner: Manner
    volume: float = 0.0


class Making:
    """Sound of one utterance. Run `make` as a task and read `sound`."""

    def __init__(self, mouth: Mouth, spoken: SpokenText) -> None:
        self.failure: ProviderError | None = None
        self._mouth = mouth
        self._spoken = spoken
        self._splitter = SentenceSplitter()
        #: what the mind speaks itself, as one piece
        self._spoken_already: Piece | None = None
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        #: at most `_AHEAD` sentences, or all that the mind has spoken
        self._sound: asyncio.Queue[tuple[Piece, bytes | None] | None] = asyncio.Queue()
        self._ahead = asyncio.Semaphore(_AHEAD)

    def add(self, text: str) -> None:
        """More text, any part of a sentence."""
        for sentence in self._splitter.feed(text):
            self._pieces.put_nowait(self._spoken.add(sentence))

    def speak(self, pcm: bytes, text: str) -> None:
        """More of what was spoken already, words and sound in any order. The mind that speaks
        bounds how much of it may come.
        """
        if self._spoken_already is None:
            self._spoken_already = self._spoken.add("")
        piece = self._spoken_already
        piece.text += text
        piece.samples += len(pcm) // 2
        if pcm:
            self._sound.put_nowait((piece, pcm))

    def flush(self) -> None:
        """What was added so far can be spoken as it stands."""
        for sentence in self._splitter.flush():
            self._pieces.put_nowait(self._spoken.add(sentence))

    def finish(self) -> None:
        """No more text comes."""
        self.flush()
        if self._spoken_already is not None:
            self._spoken_already.whole = True
        self._pieces.put_nowait(None)

    def curtail(self) -> None:
        """What is not yet being made is not made."""
        while not self._pieces.empty():
            piece = self._pieces.get_nowait()
            if piece is not None:
                self._spoken.pieces.remove(piece)
        self._pieces.put_nowait(None)

    async def make(self) -> None:
        """Make every piece; a failure ends the sound and stands in `failure`."""
        while (piece := await self._pieces.get()) is not None and self.failure is None:
            await self._ahead.acquire()
            await self._make(piece)
        self._sound.put_nowait(None)

    async def sound(self) -> AsyncIterator[tuple[Piece, bytes | None]]:
        """Chunks in order; the last one of a piece is empty, None says that it begins anew."""
        while (sound := await self._sound.get()) is not None:
            yield sound
            if sound[1] == b"":
                self._ahead.release()

    async def _make(self, piece: Piece) -> None:
        work = self._mouth.synthesizers.work()
        while True:
            try:
                await self._synthesize(work, piece)
                return
            except ProviderError as error:
                if not await work.failed(error, retry=not piece.samples):
                    self.failure = error
                    return
            if piece.samples:
                piece.samples = 0
                self._sound.put_nowait((piece, None))

    async def _synthesize(self, work: Work[Synthesizer], piece: Piece) -> None:
        manner = self._mouth.manner
        # a voice is named as the first of the list knows it; another vendor has other names
        tongue = manner.tongue if work.first else replace(manner.tongue, voice="")
        text = manner.spoken(piece.text)
        sound = work.organ.synthesize(text, tongue)
        most = longest_sound(text, self._spoken.rate)
        async with closing(sound) as chunks:
            while (pcm := await self._chunk(work.name, chunks)) is not None:
                if not piece.samples and pcm:
                    work.spent(characters=len(text))
                piece.samples += len(pcm) // 2
                if piece.samples > most:
                    cause = f"{piece.samples} samples and more for {len(text)} characters"
                    raise ProviderError(work.name, cause, retryable=False)
                if pcm:
                    self._sound.put_nowait((piece, amplified(pcm, self._mouth.volume)))
        if not piece.samples:
            raise ProviderError(work.name, f"no sound at all for {len(text)} characters")
        piece.whole = True
        self._sound.put_nowait((piece, b""))

    async def _chunk(self, provider: str, chunks: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._mouth.limit):
                return await anext(chunks, None)
        except TimeoutError as error:
            cause = f"no sound within {self._mouth.limit:g} s"
            raise ProviderError(provider, cause, retryable=False) from error
