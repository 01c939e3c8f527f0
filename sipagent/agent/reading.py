"""Reading: one attempt at a reply: words to the speaker, tools it asks for, tokens it used."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from sipagent.errors import ProviderError
from sipagent.events import Finish
from sipagent.media.clock import MediaClock
from sipagent.tools.spec import ToolSpec

from .babble import Answer
from .conversation import CallRequest, Conversation
from .failover import Work
from .limits import Limits
from .protocols import Brain, Say, Spoken, ToolCall, Used
from .speaking.speaker import Utterance
from .streams import closing

Part = Say | Spoken | ToolCall | Used
#: letters of a token, where the provider has not counted
_PER_TOKEN = 4


class Reading:
    """What one provider answers. `utterance` is opened with its first word, by `speak`."""

    def __init__(
        self, work: Work[Brain], speak: Callable[[], Utterance], limits: Limits, clock: MediaClock
    ) -> None:
        self.utterance: Utterance | None = None
        self.requests: list[CallRequest] = []
        #: why the answer was cut, where it was
        self.cut = ""
        self._answer = Answer(limits.reply_characters)
        self._work = work
        self._speak = speak
        self._limits = limits
        self._clock = clock
        self._used: Used | None = None
        #: ms from asking to the first word or tool
        self._first: int | None = None
        self._finish: Finish = "cancelled"

    @property
    def begun(self) -> bool:
        """True once there is something to be heard."""
        return self.utterance is not None and self.utterance.begun

    async def read(
        self,
        brain: Brain,
        conversation: Conversation,
        tools: Sequence[ToolSpec],
        on_first: Callable[[], None],
    ) -> None:
        """Read to its end what `brain` answers: the provider's, or one that speaks for it. Raises
        ProviderError; what an answer that broke off asked for is not kept.
        """
        asked = self._clock.t
        try:
            async with (
                closing(brain.reply(conversation, tools)) as stream,
                closing(self._in_time(stream)) as parts,
            ):
                async for part in parts:
                    on_first()
                    if self._first is None:
                        self._first = self._clock.t - asked
                    if isinstance(part, Say) and (why := self._answer.goes_on(part.text)):
                        self.cut = why
                        break
                    self._take(part)
            self._finish = "length" if self.cut else "tool_calls" if self.requests else "stop"
        except ProviderError:
            self._finish = "error"
            self.requests.clear()
            raise
        finally:
            if self.utterance is not None:
                self.utterance.finish()
            self._account(self._clock.t - asked)

    async def _in_time(self, parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
        limit = self._limits.first_token
        while True:
            try:
                async with asyncio.timeout(limit):
                    part = await anext(parts, None)
            except TimeoutError as error:
                cause = f"nothing within {limit:g} s"
                raise ProviderError(self._work.name, cause, retryable=False) from error
            if part is None:
                return
            yield part
            limit = self._limits.next_token

    def _take(self, part: Part) -> None:
        match part:
            case Say():
                self._open().add(part.text)
            case Spoken():
                self._open().speak(part)
            case Used():
                self._used = part
            case ToolCall():
                if self.utterance is not None:
                    self.utterance.flush()
                self.requests.append(CallRequest(part.id, part.name, part.arguments))

    def _open(self) -> Utterance:
        if self.utterance is None:
            self.utterance = self._speak()
        return self.utterance

    def _account(self, ms: int) -> None:
        used = self._used
        if used is None:
            return
        if used.estimated and self.utterance is not None:
            used = replace(used, output=len(self.utterance.text) // _PER_TOKEN)
        used = replace(used, first_ms=self._first, finish=self._finish)
        self._work.replied(used, ms)
