"""ToolManners: when a tool may run, and what the caller hears meanwhile."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sipagent.tools.spec import Meanwhile

from .background import Background, BackgroundSpec
from .speaking.speaker import Speaker
from .swml_spec import FunctionRules

#: the house's own music on hold
_MUSIC = "music:"


class ToolManners:
    """One a talk. `caller_busy` tells whether the caller has the floor."""

    caller_busy: Callable[[], bool]

    def __init__(self, rules: FunctionRules, speaker: Speaker) -> None:
        self._rules = rules
        self._speaker = speaker
        self._music = Background(speaker.call, "hold_music")

    async def refused(self) -> str:
        """Wait for what is being said, where that is wanted; why the tool may not run, if so."""
        if self._rules.function_wait_for_talking:
            await self._speaker.finish()
        if not self._rules.barge_functions and self.caller_busy():
            return "the caller is speaking"
        return ""

    @asynccontextmanager
    async def waiting(self, meanwhile: Meanwhile) -> AsyncIterator[None]:
        """The tool runs."""
        if meanwhile.file:
            # 0 loops: as often as it takes, as without a number
            self._music.play(BackgroundSpec(file=meanwhile.file, loops=meanwhile.loops or None))
        elif self._rules.hold_on_process:
            self._music.play(BackgroundSpec(file=self._rules.hold_music or _MUSIC))
        else:
            yield
            return
        try:
            yield
        finally:
            await self._music.stop()
