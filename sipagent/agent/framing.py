"""Framing: what lasts as long as a talk: sound under it, and the clock that ends it."""

import asyncio

from sipagent.call.session import CallSession
from sipagent.events import LimitReached
from sipagent.tasks import stopped

from .background import Background
from .jobs import LastWords
from .mind import Mind
from .spec import AgentSpec


class Framing:
    """One a talk; it begins with it."""

    def __init__(self, call: CallSession, spec: AgentSpec, mind: Mind) -> None:
        self._call = call
        self._background = Background(call)
        self._clock: asyncio.Task[None] | None = None
        if (stop := spec.hard_stop) is not None:
            self._clock = call.spawn(self._last_words(mind, stop.after, stop.prompt))
        if spec.background is not None and spec.background.file:
            self._background.play(spec.background)

    async def close(self) -> None:
        """The talk is over."""
        await stopped(self._clock)
        await self._background.stop()

    async def _last_words(self, mind: Mind, after: float, prompt: str) -> None:
        await asyncio.sleep(after)
        self._call.emit(LimitReached, limit="seconds", bound=after, value=after)
        mind.tell(LastWords(prompt))
