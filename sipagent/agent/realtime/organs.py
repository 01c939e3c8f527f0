"""Ears, mind and mouth of one speech-to-speech model: three faces of the same session."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import structlog

from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation
from ..protocols import (
    OWN_TONGUE,
    Expectation,
    Spoken,
    Tongue,
    ToolCall,
    Transcriber,
    Transcript,
    Used,
)
from ..streams import closing
from .model import Traits
from .session import Session
from .sounds import CallerSound, local_words

_log = structlog.get_logger()


class RealtimeEars:
    """A Transcriber that gives what is said to the model. `local` ears put it into words where
    these matter and the model does not tell them: a yes or no, or something said over the agent.
    """

    gives_partials = False

    def __init__(self, session: Session, local: Callable[[], Transcriber]) -> None:
        self._session = session
        self._local = local

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`. Raises ProviderError only where no model can be reached: what it did
        not hear now it will hear later.
        """

        async def early(sound: CallerSound) -> str:
            return await self._early(sound, expected)

        session = self._session
        if session.down is not None:
            raise session.down
        sound = session.begin(early)
        whole = False
        try:
            async for frame in audio:
                session.hear(sound, frame)
            whole = True
        finally:
            if not whole:
                session.forget(sound)
        session.commit(sound)
        yield Transcript("", final=True, sound=sound)

    async def _early(self, sound: CallerSound, expected: Expectation) -> str:
        if self._session.give(sound):
            try:
                return await asyncio.shield(sound.text)
            except ProviderError:
                pass  # it does not write down what it hears
        return await local_words(self._local(), list(sound.frames), expected)


class RealtimeMouth:
    """A Synthesizer that has the model speak: greetings, questions and whatever else stands in the
    plan. What the model says of its own is not made here.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        answer = await self._session.say(text)
        async with closing(self._session.spoken(answer)) as parts:
            async for part in parts:
                if part.pcm:
                    yield part.pcm


class RealtimeBrain:
    """A Brain that has heard the caller itself, and speaks itself."""

    def __init__(self, session: Session, phrases: Iterable[str] = ()) -> None:
        """`phrases` are what other ears may have to know."""
        self._session = session
        self._expectation = Expectation(tuple(dict.fromkeys(phrases)))

    @property
    def traits(self) -> Traits:
        """What the model can do."""
        return self._session.traits

    def ears(self, local: Callable[[], Transcriber]) -> RealtimeEars:
        """The ears of the same session; see there."""
        return RealtimeEars(self._session, local)

    def mouth(self) -> RealtimeMouth:
        """The mouth of the same session, where the model `says`."""
        return RealtimeMouth(self._session)

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self._expectation

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Spoken | ToolCall | Used]:
        """See `Brain`."""
        if conversation.written:
            cause = "a model that speaks writes nothing down: name another provider for it"
            raise ProviderError(self._session.traits.provider, cause, retryable=False)
        answer = await self._session.answer(conversation, tools)
        silent = True
        async with closing(self._session.spoken(answer)) as parts:
            async for part in parts:
                silent = False
                yield part
        if used := self._session.spent():
            yield used
        for call in answer.calls:
            yield call
        last = conversation.last
        if silent and not answer.calls and last is not None and last.role == "caller":
            raise ProviderError(self._session.traits.provider, "the model answered with nothing")

    def brief(self, conversation: Conversation, tools: Sequence[ToolSpec]) -> None:
        """See `Briefed`."""
        self._session.brief(conversation, tools)

    async def warm(self) -> None:
        """See `Connected`."""
        try:
            await self._session.ready()
        except ProviderError as error:
            _log.warning("model_not_warmed", provider=error.provider, cause=error.cause)

    async def aclose(self) -> None:
        """See `Connected`."""
        await self._session.aclose()
