"""StreamedMouth: a mouth over a vendor's WebSocket, open for the talk, cancelled at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sipagent.agent.protocols import OWN_TONGUE, Tongue
from sipagent.agent.streams import closing
from sipagent.errors import ProviderError
from sipagent.media.g711 import decode
from sipagent.tasks import Background

from .account import MouthOptions
from .line import Line
from .web_socket import Endpoint, Inbox, Message, Out, Wire

#: seconds a server may take to stop: one that can do no two things at once, and another
_STOP_SECONDS, _STOP_BESIDE_SECONDS = 1.0, 5.0
#: a sentence is not spoken slower than this; beyond it the server babbles
_SECONDS_A_CHARACTER, _SECONDS_MORE = 0.5, 20.0
#: connections kept for voices and languages that are changed between
_WIRES = 3


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound of a sentence as the vendor sends it; `last` where no more comes."""

    audio: bytes = b""
    last: bool = False


class SpokenSentence(Protocol):
    """One sentence in a vendor's protocol: says what is to be sent, and reads what comes."""

    def begin(self) -> Sequence[Out]:
        """Speak it."""
        ...

    def hear(self, message: Message) -> Sound | None:
        """What a message says of this sentence, None where nothing. Raises ProviderError."""
        ...

    def cancel(self) -> Sequence[Out]:
        """Stop. `hear` tells when the server has."""
        ...


class MouthDialect(Protocol):
    """A vendor's protocol."""

    #: sentences that may be under way on one connection
    at_once: int
    #: True where the vendor sends G.711 mu-law, else it is s16le; at the call's rate
    mu_law: bool

    def endpoint(self, tongue: Tongue) -> Endpoint:
        """Where this voice speaks this language."""
        ...

    def sentence(self, text: str, tongue: Tongue) -> SpokenSentence:
        """A new one."""
        ...


class StreamedMouth:
    """A `Synthesizer`, `Connected`. Sentences under way take one of `at_once` places each, and
    one that was stopped keeps its place until the server has stopped too: vendors close
    connections on which too many contexts are open.
    """

    def __init__(self, dialect: MouthDialect, options: MouthOptions, *, rate: int) -> None:
        self._dialect = dialect
        self._options = options
        self._rate = rate
        self._line = Line(_WIRES)
        self._places = asyncio.Semaphore(dialect.at_once)
        self._settling = Background()

    async def warm(self) -> None:
        """See `Connected`."""
        await self._line.warm(self._dialect.endpoint(OWN_TONGUE))

    async def aclose(self) -> None:
        """See `Connected`."""
        await self._settling.stop()
        await self._line.aclose()

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        if not text.strip():
            return
        await self._places.acquire()
        sentence = self._dialect.sentence(text, tongue)
        try:
            wire = await self._line.wire(self._dialect.endpoint(tongue))
        except BaseException:  # cancelled as well: a place is never lost
            self._places.release()
            raise
        inbox, said = wire.inbox(), False
        try:
            await wire.send(*sentence.begin())
            async with closing(self._sound(wire, inbox, sentence, self._limit(text))) as sound:
                async for pcm in sound:
                    yield pcm
            said = True
        except ProviderError:
            said = True
            self._line.retire(wire)
            raise
        finally:
            if said:
                inbox.close()
                self._places.release()
            else:
                self._settle(wire, inbox, sentence)

    async def _sound(
        self, wire: Wire, inbox: Inbox, sentence: SpokenSentence, limit: int
    ) -> AsyncIterator[bytes]:
        """PCM, whole samples. Raises ProviderError."""
        account = wire.endpoint.account
        total, odd = 0, b""
        sound = Sound()
        while not sound.last:
            sound = await self._next(wire, inbox, sentence, begun=total > 0)
            total += len(sound.audio)
            if total > limit:
                raise account.malformed("sound without end")
            if self._dialect.mu_law:
                pcm = decode("PCMU", sound.audio)
            else:
                whole = odd + sound.audio
                cut = len(whole) & ~1
                pcm, odd = whole[:cut], whole[cut:]
            if pcm:
                yield pcm
        if not total:
            raise account.error(f"{account.base} spoke nothing", retryable=True)

    async def _next(
        self, wire: Wire, inbox: Inbox, sentence: SpokenSentence, *, begun: bool
    ) -> Sound:
        """The time the listener takes does not count. Raises ProviderError."""
        options, account = self._options, wire.endpoint.account
        try:
            async with asyncio.timeout(
                options.stall_seconds if begun else options.first_sound_seconds
            ):
                return await _heard(inbox, sentence)
        except TimeoutError as error:
            cause = f"no sound from {account.base} within {options.first_sound_seconds:g} s"
            if begun:
                cause = f"{account.base} fell silent in the middle of a sentence"
            raise account.error(cause, retryable=wire.stale) from error

    def _limit(self, text: str) -> int:
        """Bytes."""
        seconds = len(text) * _SECONDS_A_CHARACTER + _SECONDS_MORE
        return int(seconds * self._rate) * (1 if self._dialect.mu_law else 2)

    def _settle(self, wire: Wire, inbox: Inbox, sentence: SpokenSentence) -> None:
        self._settling.start(self._stop(wire, inbox, sentence))

    async def _stop(self, wire: Wire, inbox: Inbox, sentence: SpokenSentence) -> None:
        """Have the server stop, and wait until it has."""
        alone = self._dialect.at_once == 1
        try:
            await wire.send(*sentence.cancel())
            async with asyncio.timeout(_STOP_SECONDS if alone else _STOP_BESIDE_SECONDS):
                while not (await _heard(inbox, sentence)).last:
                    pass
        except TimeoutError:
            if alone:
                self._line.retire(wire)
        except ProviderError:
            self._line.retire(wire)
        finally:
            inbox.close()
            self._places.release()


async def _heard(inbox: Inbox, sentence: SpokenSentence) -> Sound:
    """What comes next of this sentence. Raises ProviderError."""
    while True:
        message = await inbox.next()
        if message is not None and (sound := sentence.hear(message)) is not None:
            return sound
