"""The functions of an endpoint: as SWAIG declares them, and as they are run."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sipagent.call.control import CallControl
from sipagent.errors import ConfigError, Finding
from sipagent.tools.functions import place_of, secrets_of
from sipagent.tools.loader import load_tools
from sipagent.tools.spec import ToolResult, ToolSpec

from .remote_call import RemoteCall


@dataclass(frozen=True, slots=True)
class Ran:
    """What a function said, and what it wants done."""

    text: str
    ok: bool
    actions: Sequence[Mapping[str, Any]] = ()

    @property
    def body(self) -> dict[str, Any]:
        """As SWAIG has it."""
        return {"response": self.text} | ({"action": list(self.actions)} if self.actions else {})


class Functions:
    """By name."""

    def __init__(self, tools: Mapping[str, ToolSpec]) -> None:
        self.tools = tools

    @classmethod
    def load(cls, paths: Sequence[Path], *, secrets: bool = False) -> "Functions":
        """The `@tool` functions of files or folders. Raises ConfigError with all that is wrong; so
        is, without `secrets`, a function that needs what callers type in secret: that never leaves
        the gateway.
        """
        for path in paths:
            if not path.exists():
                raise ConfigError([Finding(str(path), 1, "", "is not there")])
        tools = load_tools(paths)
        wrong = [_refused(name, tool) for name, tool in tools.items() if secrets_of(tool)]
        if wrong and not secrets:
            raise ConfigError(wrong)
        return cls(tools)

    def declared(self, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Function objects of those `names`, or of all; a name that nobody has is left out."""
        return [
            {
                "function": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            }
            for name, tool in self.tools.items()
            if not names or name in names
        ]

    async def run(self, name: str, arguments: Mapping[str, Any], body: Mapping[str, Any]) -> Ran:
        """Check the arguments and run it within its time; whatever goes wrong is said in words."""
        tool = self.tools.get(name)
        if tool is None:
            return Ran(f"There is no function {name}.", False)
        call = RemoteCall(body)
        try:
            async with asyncio.timeout(tool.timeout):
                result: ToolResult = await tool.invoke(arguments, cast("CallControl", call))
        except TimeoutError:
            return Ran(f"{name} did not answer in time.", False)
        # what a function that failed half-way wanted done is not done
        return Ran(result.text, result.ok, call.actions if result.ok else ())


def _refused(name: str, tool: ToolSpec) -> Finding:
    secret = secrets_of(tool)[0]
    file, line = place_of(tool)
    message = f"takes the secret {secret}: what callers type in secret never leaves the gateway"
    return Finding(file, line, name, message, hint="serve a folder without it")
