"""RecordedTools: users' own functions that return what they returned on record; none is called."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sipagent.call.control import CallControl
from sipagent.config import Settings
from sipagent.events import Event, ToolCalled, ToolReturned
from sipagent.tools.loader import load_tools
from sipagent.tools.spec import ToolResult, ToolSpec
from sipagent.verbs import VERBS


class RecordedTools:
    """The results of one call. `notes` says what was called that had not been called then."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.notes: list[str] = []
        results = {e.id: e for e in events if isinstance(e, ToolReturned)}
        self._results: dict[tuple[str, str], deque[ToolReturned]] = {}
        for event in events:
            if isinstance(event, ToolCalled) and (result := results.get(event.id)) is not None:
                key = _key(event.tool, event.arguments)
                self._results.setdefault(key, deque()).append(result)

    def of(self, settings: Settings) -> dict[str, ToolSpec]:
        """Every function of the settings, answered from the record. Raises ConfigError."""
        functions = load_tools(settings.tools, reserved=VERBS)
        return {name: self._answering(tool) for name, tool in functions.items()}

    def _answering(self, tool: ToolSpec) -> ToolSpec:
        """The tool as the model sees it, with what it returned then behind it."""

        async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
            return await self._result(tool.name, arguments)

        return replace(tool, invoke=invoke)

    async def _result(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        found = self._results.get(_key(name, arguments))
        if not found:
            told = json.dumps(arguments, ensure_ascii=False)
            self.notes.append(f"{name} {told} was not called then, and is not called now")
            return ToolResult("There is no result of this on record.", ok=False)
        # the last one stands for any further
        result = found.popleft() if len(found) > 1 else found[0]
        await asyncio.sleep(result.ms / 1000)
        return ToolResult(result.result, ok=result.ok)


def _key(name: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    return name, json.dumps(arguments, sort_keys=True, default=str)
