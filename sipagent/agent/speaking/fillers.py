"""Fillers: something is said while the caller would wait in silence, and never over them."""

import asyncio
from collections.abc import Callable, Sequence

from sipagent.events import FillerSpoken
from sipagent.tasks import Background
from sipagent.tools.spec import ToolSpec

from .manner import Manner
from .speaker import Speaker, Utterance

#: between the end of one filler and the next of the same wait, in times the first wait
_NEXT = 4


class Fillers:
    """One a talk. `after` is in seconds; `may_speak` tells whether the caller would listen."""

    may_speak: Callable[[], bool]

    def __init__(self, speaker: Speaker, manner: Manner, after: float) -> None:
        self._speaker = speaker
        self._manner = manner
        self._after = after
        self._last = ""
        self._tasks = Background()

    def thinking(self) -> "Wait":
        """The mind is asked; the wait is over with its first word."""
        return self._begin(self._manner.fillers.thinking)

    def tool(self, tool: ToolSpec) -> "Wait":
        """A tool runs. Those that bound themselves talk with people, and are not talked over
        unless a filler is meant for them by name.
        """
        if tool.meanwhile.silent or tool.meanwhile.first or tool.meanwhile.file:
            return self._begin(())
        return self._begin(self._texts(tool))

    async def first(self, tool: ToolSpec) -> None:
        """Say one before the tool runs, where it waits for that, and wait until it was heard."""
        if not tool.meanwhile.first:
            return
        texts = self._texts(tool)
        await self._speaker.quiet()
        if texts and self.may_speak():
            text = next((text for text in texts if text != self._last), texts[0])
            self._last = text
            self._speaker.call.emit(FillerSpoken, text=text)
            await self._speaker.say(text, private=True).done()

    def _texts(self, tool: ToolSpec) -> Sequence[str]:
        """The tool's own, in the language that is spoken; or the plan's."""
        own, code = tool.meanwhile.fillers, self._manner.tongue.language
        if own:
            near = [name for name in own if name.split("-")[0] == code.split("-")[0]]
            return own.get(code) or own[next(iter([*near, *own]))]
        declared = self._manner.fillers.tools
        others = declared.get("default", ()) if tool.timeout is not None else ()
        return declared.get(tool.name, others)

    async def close(self) -> None:
        """Say no more."""
        await self._tasks.stop()

    def _begin(self, texts: Sequence[str]) -> "Wait":
        wait = Wait()
        if texts:
            wait.task = self._tasks.start(self._fill(wait, texts))
        return wait

    async def _fill(self, wait: "Wait", texts: Sequence[str]) -> None:
        said: list[str] = []
        pause = self._after
        while left := [text for text in texts if text not in said]:
            await self._speaker.quiet()
            await asyncio.sleep(pause)
            if self._speaker.active or not self.may_speak():
                continue
            # not what was said last time, where there is anything else
            text = next((text for text in left if text != self._last), left[0])
            said.append(text)
            self._last = text
            wait.filler = self._speaker.say(text, private=True)
            self._speaker.call.emit(FillerSpoken, text=text)
            pause = self._after * _NEXT


class Wait:
    """Something that takes its time."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.filler: Utterance | None = None

    def over(self) -> None:
        """The answer is there: a sentence that was begun is finished, and no other is said."""
        if self.task is not None:
            self.task.cancel()
        if self.filler is not None:
            self.filler.curtail()
