"""ToolSource: tools that come and go while an agent talks."""

from collections.abc import Sequence
from typing import Protocol

from sipagent.call.control import CallControl

from .spec import ToolSpec


class ToolSource(Protocol):
    """One instance a talk: the functions of a SWAIG object, the tools of an MCP server."""

    def open(self, control: CallControl) -> None:
        """The talk begins. What takes time is spawned (`control.call.spawn`): the greeting waits
        for nobody.
        """
        ...

    def offered(self) -> Sequence[ToolSpec]:
        """Those that may be called now; asked before every reply."""
        ...

    async def close(self) -> None:
        """The talk is over. Never raises."""
        ...
