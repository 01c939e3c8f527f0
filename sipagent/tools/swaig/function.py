"""Function: one SWAIG function while an agent talks: offered, checked, run, acted upon."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sipagent.call.control import CallControl

from ..spec import Meanwhile, Then, ToolResult, ToolSpec
from .arguments import Arguments
from .gates import Gatekeeper
from .request import CONNECT_TIMEOUT, TIMEOUT
from .result import SwaigResult, read_result
from .spec import RESERVED, FunctionSpec

#: seconds for the whole of a request: both tries, and what a data map takes
LONGEST = 2 * CONNECT_TIMEOUT + TIMEOUT + 5
#: runs it, in whatever way: arguments that were checked, and what came of them
Run = Callable[[Mapping[str, Any], CallControl], Awaitable[SwaigResult]]
#: what is done with its actions
Act = Callable[["Function", SwaigResult], Then | None]


@dataclass(slots=True)
class Function:
    """`active` is as `toggle_functions` left it: a number counts down with every use."""

    declared: FunctionSpec
    token: str
    arguments: Arguments
    run: Run
    act: Act
    gatekeeper: Gatekeeper
    active: bool | int = True

    @property
    def name(self) -> str:
        """As the model calls it."""
        return self.declared.function

    @property
    def offered(self) -> bool:
        """May the model call it now?"""
        return bool(self.active) and self.name not in RESERVED

    @property
    def tool(self) -> ToolSpec:
        """As the model sees it."""
        declared = self.declared
        return ToolSpec(
            name=self.name,
            description=declared.description or self.name.replace("_", " "),
            parameters=self.arguments.schema,
            invoke=self.invoke,
            timeout=LONGEST,
            meanwhile=Meanwhile(
                {} if declared.skip_fillers else declared.gate_fillers or declared.fillers,
                file=declared.wait_file or "",
                loops=declared.wait_file_loops,
                first=declared.wait_for_fillers and not declared.skip_fillers,
                silent=declared.skip_fillers,
            ),
        )

    async def invoke(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        """Check, run, and hand on what is to be done with the actions."""
        given, wrong = self.arguments.checked(arguments)
        if wrong:
            return ToolResult(f"{self.name} was not run: {wrong}", ok=False)
        if not isinstance(self.active, bool):
            self.active = max(0, self.active - 1)
        result = await self._shut(given, control) or await self.run(given, control)
        text = control.call.secrets.scrub(result.text)
        told = ToolResult(text, result.ok)
        return replace(told, then=self.act(self, result)) if result.actions else told

    async def _shut(self, arguments: Mapping[str, Any], control: CallControl) -> SwaigResult | None:
        """What a gate that is not passed answers in the function's place."""
        gate = await self.gatekeeper.shut(self.name, arguments, self.declared.gates, control.call)
        return None if gate is None else replace(read_result(gate.on_fail), ok=False)
