"""What stands beside a rehearsed call: texts that are only kept, a memory, no MCP servers."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from sipagent.config import Settings
from sipagent.dialplan.shelf import Shelf
from sipagent.providers.silero import Silero
from sipagent.tools.loader import load_tools
from sipagent.tools.mcp.server import McpFailed, McpServer
from sipagent.tools.mcp.spec import McpUse, Terms
from sipagent.tools.spec import ToolSpec
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS


class SentTexts:
    """Behind `Texts`: keeps each, whom it was for and what it said."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send(self, target: str, text: str, *, sender: str | None = None) -> int:
        """See `Texts`."""
        self.sent.append((target, text))
        return 202


class Book:
    """Behind `Memory`: what agents know of the caller, by agent."""

    def __init__(self, notes: dict[str, str]) -> None:
        self.notes = notes

    async def recall(self, agent: str) -> str:
        """See `Memory`."""
        return self.notes.get(agent, "")

    def keep(self, agent: str, note: str, *, days: float, most: int) -> None:
        """See `Memory`."""
        self.notes[agent] = f"{note}\n{self.notes.get(agent, '')}".strip()[:most]


class NoServers:
    """Behind `McpServers`: none can be had."""

    def open(
        self, use: McpUse, fill: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> tuple[McpServer, Terms]:
        """See `McpServers`. Raises McpFailed."""
        raise McpFailed("MCP servers are not asked in a rehearsal")


def toolbox_of(settings: Settings, instead: Mapping[str, ToolSpec]) -> Toolbox:
    """The users' own tools, loaded once in a process, and the verbs. Raises ConfigError."""
    # where they are now: another working directory has others
    files = tuple(path.resolve() for path in settings.tools)
    return Toolbox({**_functions(files), **instead}, VERBS)


@cache
def _functions(files: tuple[Path, ...]) -> Mapping[str, ToolSpec]:
    return load_tools(files, reserved=VERBS)


@cache
def silero() -> Silero:
    """The detectors of this process."""
    return Silero()


#: plans are given, not looked for
NO_SHELF = Shelf()
