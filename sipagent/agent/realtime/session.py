"""Session: the connection to a speech-to-speech model, opened anew where it was lost.

The conversation is the truth and a session its mirror: before each answer it is told what it does
not know, and what it heard that was not meant for it is dropped. A new session is told the newest
of the conversation, the caller's last words as the caller spoke them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count

from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.tasks import stopped
from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation
from ..protocols import Spoken, Used
from .answer import LONGEST_SECONDS, Answer
from .history import instructions
from .mirror import Mirror
from .model import (
    Asked,
    Done,
    Heard,
    Leaving,
    ModelEvent,
    Setup,
    SpeechModel,
    Tool,
    Traits,
    Voice,
    Words,
)
from .sounds import CallerSound
from .utterances import Utterances

#: seconds after a failure in which hearing and reading aloud are left to others at once
_COOL_DOWN = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to the first word of an answer, and between two parts of it."""

    first: float = 5.0
    stall: float = 4.0


@dataclass(frozen=True, slots=True)
class Maker:
    """How sessions are made: what they can do, the call's rate in Hz, how long is waited."""

    traits: Traits
    rate: int
    make: Callable[[], SpeechModel]
    patience: Patience = Patience()


class Session:
    """Owns the connection and the task that reads it. One a call, made after the fork."""

    def __init__(self, maker: Maker, prompt: str | None) -> None:
        """`prompt` stands where the conversation has none of its own."""
        self.traits = maker.traits
        self._maker = maker
        self._prompt = prompt
        self._setup = Setup(instructions(prompt))
        self._spent: Used | None = None
        self._mirror: Mirror | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._failure: ProviderError | None = None
        self._failed = 0.0
        self._numbers = count(1)
        self._utterances = Utterances(live=maker.traits.early)

    def brief(self, conversation: Conversation, tools: Sequence[ToolSpec]) -> None:
        """Prompt and tools as they stand now: what the next session is opened with."""
        offered = tuple(Tool(tool.name, tool.description, tool.parameters) for tool in tools)
        self._setup = Setup(instructions(conversation.prompt or self._prompt), offered)

    async def ready(self) -> Mirror:
        """The open session, or another. Raises ProviderError."""
        async with self._opening:
            mirror = self._mirror
            if mirror is not None and mirror.usable and self._fits(mirror):
                return mirror
            await self._close()
            model = self._maker.make()
            try:
                await model.open(self._setup)
            except ProviderError as error:
                self._failure, self._failed = error, asyncio.get_running_loop().time()
                await model.aclose()
                raise
            except BaseException:  # cancelled as well: no connection is left behind
                await model.aclose()
                raise
            self._failure = None
            self._mirror = mirror = Mirror(model, self._setup)
            self._reading = asyncio.create_task(self._read(mirror))
            return mirror

    @property
    def down(self) -> ProviderError | None:
        """Why it could not be opened a moment ago, where that is so."""
        if self._failure is None:
            return None
        cooling = asyncio.get_running_loop().time() - self._failed < _COOL_DOWN
        provider, cause = self._failure.provider, self._failure.cause
        return ProviderError(provider, cause, retryable=False) if cooling else None

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._opening:
            await self._close()

    def begin(self, early: Callable[[CallerSound], Awaitable[str]]) -> CallerSound:
        """The caller begins to speak."""
        return self._utterances.begin(f"sound-{next(self._numbers)}", early)

    def hear(self, sound: CallerSound, frame: Frame) -> None:
        """More of it."""
        self._utterances.hear(sound, frame, self._open)

    def commit(self, sound: CallerSound) -> None:
        """It is whole."""
        self._utterances.commit(sound, self._open)

    def give(self, sound: CallerSound) -> bool:
        """Somebody waits for its words; False where the model will not tell them by itself."""
        if sound.heard and self._open is not None:
            self._open.give()
        return sound.heard

    def forget(self, sound: CallerSound) -> None:
        """It is nothing."""
        self._utterances.forget(sound, self._open)

    async def answer(self, conversation: Conversation, tools: Sequence[ToolSpec]) -> Answer:
        """Ask for an answer. Raises ProviderError."""
        self.brief(conversation, tools)
        mirror = await self.ready()
        mirror.change(self._setup)
        mirror.tell(conversation, self._utterances.sounds)
        answer = self._answer(mirror)
        mirror.model.respond(answer.name)
        return answer

    async def say(self, text: str) -> Answer:
        """Have a text spoken, beside the conversation. Raises ProviderError."""
        if self.down is not None:
            raise self.down
        mirror = await self.ready()
        answer = self._answer(mirror, aside=True)
        mirror.model.say(answer.name, text)
        return answer

    def spent(self) -> Used | None:
        """What was used since this was asked last: answers that were cut off and texts read aloud
        are counted with the answer after them.
        """
        spent, self._spent = self._spent, None
        return spent

    async def spoken(self, answer: Answer) -> AsyncIterator[Spoken]:
        """What an answer says. Who stops reading before its end has it cancelled. A session that
        falls silent is given up. Raises ProviderError.
        """
        patience = self._maker.patience
        seconds = patience.first
        try:
            while (part := await self._within(seconds, answer)) is not None:
                yield part
                seconds = patience.stall
        finally:
            mirror = self._open
            if not answer.over and mirror is not None and answer.name in mirror.answers:
                answer.over = True
                del mirror.answers[answer.name]
                mirror.model.cancel(answer.name)

    async def _within(self, seconds: float, answer: Answer) -> Spoken | None:
        try:
            async with asyncio.timeout(seconds):
                return await answer.next()
        except TimeoutError as error:
            provider = self.traits.provider
            failure = ProviderError(provider, f"the model said nothing for {seconds:g} s")
            if self._mirror is not None and answer.name in self._mirror.answers:
                self._mirror.failure = failure
            raise failure from error

    @property
    def _open(self) -> Mirror | None:
        mirror = self._mirror
        return mirror if mirror is not None and mirror.failure is None else None

    def _fits(self, mirror: Mirror) -> bool:
        return not self.traits.rigid or mirror.setup == self._setup

    def _answer(self, mirror: Mirror, *, aside: bool = False) -> Answer:
        def cut(played_ms: int) -> None:
            if mirror is self._open:
                mirror.cut(answer, played_ms)

        answer = Answer(f"answer-{next(self._numbers)}", self._maker.rate, cut, aside=aside)
        mirror.open(answer)
        return answer

    async def _close(self) -> None:
        mirror, self._mirror = self._mirror, None
        reading, self._reading = self._reading, None
        await stopped(reading)
        if mirror is not None:
            await mirror.model.aclose()

    async def _read(self, mirror: Mirror) -> None:
        provider = self.traits.provider
        failure = ProviderError(provider, "the session was closed")
        try:
            async for event in mirror.model.events():
                self._happened(mirror, event)
        except ProviderError as error:
            failure = error
        finally:
            mirror.failure = failure
            for answer in mirror.answers.values():
                answer.done(failure)

    def _happened(self, mirror: Mirror, event: ModelEvent) -> None:
        match event:
            case Voice(name, pcm):
                self._voice(mirror, name, pcm)
            case Words(name, text):
                if answer := mirror.answers.get(name):
                    answer.words(text)
            case Asked(name, call):
                mirror.asked[call.id] = call
                if answer := mirror.answers.get(name):
                    answer.asked(call)
            case Done(name, failure):
                self._done(mirror, name, failure)
            case Heard(name, text, failure):
                if sound := self._utterances.sounds.get(name):
                    sound.known(text, failure)
            case Used():
                self._spent = _sum(self._spent, event)
            case Leaving():
                mirror.leaving = True

    def _done(self, mirror: Mirror, name: str, failure: ProviderError | None) -> None:
        answer = mirror.answers.pop(name, None)
        if answer is None:
            return
        answer.done(failure)
        if failure is None and not answer.aside:
            self._utterances.answered(mirror.answered())

    def _voice(self, mirror: Mirror, name: str, pcm: bytes) -> None:
        answer = mirror.answers.get(name)
        if answer is None or answer.over or answer.voice(pcm):
            return
        mirror.model.cancel(name)
        cause = f"an answer of more than {LONGEST_SECONDS} s of sound was given up"
        answer.done(ProviderError(self.traits.provider, cause, retryable=False))


def _sum(one: Used | None, other: Used) -> Used:
    if one is None:
        return other
    return Used(
        other.model,
        one.input + other.input,
        one.output + other.output,
        one.cached + other.cached,
        one.audio_input + other.audio_input,
        one.audio_output + other.audio_output,
    )
