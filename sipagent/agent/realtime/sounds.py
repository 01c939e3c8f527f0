"""CallerSound: one utterance of the caller, kept until the model has answered it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from sipagent.errors import ProviderError
from sipagent.media.frames import Frame

from ..protocols import Expectation, Transcriber
from ..streams import closing


@dataclass(slots=True)
class CallerSound:
    """A `Sound`. `early` gives its words before it was answered."""

    name: str
    early: Callable[["CallerSound"], Awaitable[str]]
    #: as many as the longest turn has; none once they cannot be needed any more
    frames: list[Frame] = field(default_factory=list)
    #: the model has heard it as it was spoken
    heard: bool = False
    text: "asyncio.Future[str]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def words(self, *, early: bool = False) -> str:
        """See `Sound`."""
        return await self.early(self) if early else await asyncio.shield(self.text)

    def known(self, text: str, failure: ProviderError | None = None) -> None:
        """The model has told its words, or why it never will."""
        if self.text.done():
            return
        if failure is None:
            self.text.set_result(text)
        else:
            self.text.set_exception(failure)
            self.text.exception()


async def local_words(ears: Transcriber, frames: list[Frame], expected: Expectation) -> str:
    """What other ears make of an utterance. Raises ProviderError."""

    async def audio() -> AsyncIterator[Frame]:
        for frame in frames:
            yield frame

    texts: list[str] = []
    async with closing(ears.transcribe(audio(), expected)) as transcripts:
        async for transcript in transcripts:
            if transcript.final:
                texts.append(transcript.text)
    return " ".join(filter(None, texts))
