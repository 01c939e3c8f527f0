"""CallTool: a call of a foreign tool as a verb, so that policy judges it like any other."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import ClassVar

from pydantic import PrivateAttr

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb

Work = Callable[[], Awaitable[Outcome]]


class CallTool(Verb):
    """Call a tool of an MCP server. `words` is what the caller is asked, where their yes is."""

    name: ClassVar[str] = "mcp"
    words: str
    _work: Work = PrivateAttr()

    @property
    def question(self) -> str:
        """See `Verb`."""
        return self.words

    async def run(self, control: CallControl) -> Outcome:
        """See `Verb`."""
        return await self._work()


def deed(name: str, words: str, work: Work) -> CallTool:
    """The verb by which policy knows a tool that is offered as `name`."""
    verb = _named(name)(words=words)
    verb._work = work
    return verb


@lru_cache(maxsize=256)
def _named(offered: str) -> type[CallTool]:
    class Named(CallTool):
        """Call a tool of an MCP server."""

        name: ClassVar[str] = offered

    return Named
