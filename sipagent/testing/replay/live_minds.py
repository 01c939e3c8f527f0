"""Live minds: real models asked from a virtual clock, which stands still until they answer."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from time import monotonic
from typing import Any, Self, TypeVar

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import Brain, Connected, Expectation, Say, Spoken, ToolCall, Used
from sipagent.agent.streams import closing
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.testing.audio import RATE
from sipagent.testing.rehearsal import Wanted
from sipagent.tools.spec import ToolSpec
from sipagent.worker.makers import RegisteredMakers

Part = Say | Spoken | ToolCall | Used
T = TypeVar("T")
#: seconds for a whole answer
_LONGEST = 120.0


class LiveMinds:
    """Makes them, and has the thread in whose loop they work. Use as `with LiveMinds(...)`."""

    def __init__(self, settings: Settings) -> None:
        self._makers = RegisteredMakers(settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="minds", daemon=True)
        self._made: list[Brain] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        for brain in self._made:
            if isinstance(brain, Connected):
                self.run(brain.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __call__(self, wanted: Wanted) -> Brain:
        """The mind that the plan names. Raises ProviderError."""
        kit = Kit(RATE, wanted.spec, None)
        brain = self._makers.mind(wanted.ref, kit, wanted.purpose)
        self._made.append(brain)
        return LiveMind(brain, self, wanted.ref.provider)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it there, and wait here: time does not pass on the caller's clock."""
        task = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return task.result(_LONGEST)
        except BaseException:  # interrupted as well: a model that is not waited for costs money
            task.cancel()
            raise


class LiveMind:
    """A Brain whose answer is had whole, and then given in the time it took."""

    def __init__(self, brain: Brain, minds: LiveMinds, provider: str) -> None:
        self._brain = brain
        self._minds = minds
        self._provider = provider

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self._brain.expects(conversation)

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Part]:
        """See `Brain`. Raises ProviderError."""
        try:
            parts, error = self._minds.run(_whole(self._brain, conversation, tools))
        except TimeoutError:
            cause = f"no whole answer within {_LONGEST:g} s"
            raise ProviderError(self._provider, cause, retryable=False) from None
        before = 0.0
        for at, part in parts:
            await asyncio.sleep(at - before)
            before = at
            yield part
        if error is not None:
            raise error


async def _whole(
    brain: Brain, conversation: Conversation, tools: Sequence[ToolSpec]
) -> tuple[list[tuple[float, Part]], ProviderError | None]:
    began = monotonic()
    parts: list[tuple[float, Part]] = []
    try:
        async with closing(brain.reply(conversation, tools)) as stream:
            async for part in stream:
                parts.append((monotonic() - began, part))
    except ProviderError as error:
        return parts, error
    return parts, None
