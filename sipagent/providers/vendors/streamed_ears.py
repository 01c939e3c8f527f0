"""StreamedEars: ears over a vendor's WebSocket that is open for the talk, turn after turn."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.tasks import Background

from .line import Line
from .web_socket import Endpoint, Inbox, Message, Out, Wire

#: seconds a server may take to forget an utterance that nobody wants any more
_SETTLE_SECONDS = 1.0
#: characters of one utterance: nobody says so much in one turn
_LONGEST_TEXT = 20_000


class HeardUtterance(Protocol):
    """One utterance in a vendor's protocol: says what is to be sent, and reads what comes."""

    def audio(self, pcm: bytes) -> Out:
        """So much more of it: s16le at the call's rate."""
        ...

    def end(self) -> Sequence[Out]:
        """It is over: its text is wanted now."""
        ...

    def wait(self, longest: float) -> float:
        """Seconds from `end` after which `so_far` is the final text: less than `longest` where
        little more is to be expected.
        """
        ...

    @property
    def settled(self) -> bool:
        """True where nothing of it can come any more: the connection is fit for the next one."""
        ...

    def hear(self, message: Message) -> Transcript | None:
        """What a message says; the final one only after `end`. Raises ProviderError."""
        ...

    def so_far(self) -> Transcript | None:
        """The final text of what was heard, if the server said anything at all."""
        ...


class EarsDialect(Protocol):
    """A vendor's protocol."""

    #: length of what is sent at once; a multiple of 20
    chunk_ms: int

    def endpoint(self, language: str) -> Endpoint:
        """Where to hear this language (BCP 47; empty: the configured one)."""
        ...

    def hints(self, expected: Expectation) -> tuple[object, Sequence[Out]]:
        """What the server should lean to, to tell whether it changed, and how to say it."""
        ...

    def utterance(self, expected: Expectation) -> HeardUtterance:
        """A new one."""
        ...


class StreamedEars:
    """A `Transcriber`, `Connected`. One utterance is heard at a time: the next one's audio waits,
    at the caller's, until the text of the one before has come.
    """

    def __init__(self, dialect: EarsDialect, final_seconds: float) -> None:
        self._dialect = dialect
        self._final_seconds = final_seconds
        self._line = Line()
        self._free = asyncio.Semaphore()
        #: of the utterance that is being heard
        self._ended = False
        self._settling = Background()

    async def warm(self) -> None:
        """See `Connected`."""
        await self._line.warm(self._dialect.endpoint(""))

    async def aclose(self) -> None:
        """See `Connected`."""
        await self._settling.stop()
        await self._line.aclose()

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`. Closed early, it lets the server finish, in the background, and the
        connection serves the next utterance.
        """
        await self._free.acquire()
        utterance = self._dialect.utterance(expected)
        try:
            wire = await self._line.wire(self._dialect.endpoint(expected.language))
        except BaseException:  # cancelled as well: a place is never lost
            self._free.release()
            raise
        inbox, heard, self._ended = wire.inbox(), False, False
        talking = asyncio.create_task(self._talk(wire, inbox, utterance, audio, expected))
        try:
            while not heard:
                transcript = await self._next(wire, inbox, utterance)
                heard = transcript.final
                yield transcript
        except ProviderError:
            heard = True
            self._line.retire(wire)
            raise
        finally:
            talking.cancel()
            if heard:
                inbox.close()
                self._free.release()
            else:
                self._settle(wire, inbox, utterance)
            await asyncio.gather(talking, return_exceptions=True)

    async def _hint(self, wire: Wire, expected: Expectation) -> None:
        hints, messages = self._dialect.hints(expected)
        if hints != wire.hinted:
            wire.hinted = hints
            await wire.send(*messages)

    async def _talk(
        self,
        wire: Wire,
        inbox: Inbox,
        utterance: HeardUtterance,
        audio: AsyncIterator[Frame],
        expected: Expectation,
    ) -> None:
        await self._hint(wire, expected)
        frames = self._dialect.chunk_ms // FRAME_MS
        chunk: list[bytes] = []
        async for frame in audio:
            chunk.append(frame.pcm)
            if len(chunk) == frames:
                await wire.send(utterance.audio(b"".join(chunk)))
                chunk.clear()
        if chunk:
            await wire.send(utterance.audio(b"".join(chunk)))
        await self._end(wire, inbox, utterance, self._final_seconds)

    async def _end(
        self, wire: Wire, inbox: Inbox, utterance: HeardUtterance, seconds: float
    ) -> None:
        """Say once that it is over, and wait no longer than that for its text."""
        if not self._ended:
            self._ended = True
            await wire.send(*utterance.end())
        inbox.within(utterance.wait(seconds))

    async def _next(self, wire: Wire, inbox: Inbox, utterance: HeardUtterance) -> Transcript:
        """Raises ProviderError."""
        while (message := await inbox.next()) is not None:
            if (transcript := utterance.hear(message)) is not None:
                if len(transcript.text) > _LONGEST_TEXT:
                    raise wire.endpoint.account.malformed("words without end")
                return transcript
        account = wire.endpoint.account
        if (transcript := utterance.so_far()) is None:
            cause = f"{account.base} said nothing within {self._final_seconds:g} s"
            raise account.error(f"{cause} of the end of the turn", retryable=wire.stale)
        if not utterance.settled:
            # what comes late would be taken for part of the next utterance
            self._line.retire(wire)
        return transcript

    def _settle(self, wire: Wire, inbox: Inbox, utterance: HeardUtterance) -> None:
        self._settling.start(self._forget(wire, inbox, utterance))

    async def _forget(self, wire: Wire, inbox: Inbox, utterance: HeardUtterance) -> None:
        """Have the server finish what nobody wants, so that it is not taken for what comes next."""
        try:
            await self._end(wire, inbox, utterance, _SETTLE_SECONDS)
            while (message := await inbox.next()) is not None:
                transcript = utterance.hear(message)
                if transcript is not None and transcript.final:
                    return
            if not utterance.settled:
                self._line.retire(wire)
        except ProviderError:
            self._line.retire(wire)
        finally:
            inbox.close()
            self._free.release()
