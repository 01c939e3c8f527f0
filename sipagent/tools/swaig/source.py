"""SwaigSource: the functions of one SWAIG object, for the length of one talk."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sipagent.call.by import function_named
from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.tasks import stopped

from ..spec import Then, ToolResult, ToolSpec
from .actions.carrying_out import carry_out
from .actions.doing import Desk, Doing, Perform
from .arguments import Arguments
from .function import Function, Run
from .gates import Gatekeeper
from .hooks import HANGUP, STARTUP, hooked
from .includes import Includes
from .mapped import Mapped
from .polling import CHECK_FOR_INPUT, poll
from .request import Asking, scope_token
from .result import SwaigResult
from .rules import SWML_RULES, Rules
from .spec import FunctionSpec, SwaigSpec
from .webhook import Webhook


class SwaigSource:
    """A ToolSource. `perform` runs documents (verbs/documents.py: run_document)."""

    def __init__(
        self,
        spec: SwaigSpec,
        perform: Perform,
        *,
        rules: Rules = SWML_RULES,
        includes: Includes | None = None,
    ) -> None:
        self.functions: dict[str, Function] = {}
        self._spec = spec
        self._rules = rules
        self._desk = Desk(perform, rules, self.functions)
        self._includes = includes or Includes()
        self._gatekeeper = Gatekeeper(rules)
        self._asking: list[asyncio.Task[None]] = []
        self._control: CallControl | None = None

    def open(self, control: CallControl) -> None:
        """See `ToolSource`. Functions of other servers are on offer once those have told."""
        self._control = control
        for remark in self._spec.remarks:
            _warn(control.call, remark)
        for declared in self._spec.functions:
            self._add(declared, control.call)
        if self._spec.includes:
            self._asking.append(control.call.spawn(self._include(control.call)))
        control.call.spawn(hooked(STARTUP, self.functions, control))
        if (polled := self.functions.get(CHECK_FOR_INPUT)) is not None:
            asking = Asking(polled.declared, self._rules, polled.token)
            work = poll(asking, self._spec.defaults, control.call)
            self._asking.append(control.call.spawn(work))

    def offered(self) -> Sequence[ToolSpec]:
        """See `ToolSource`."""
        return [function.tool for function in self.functions.values() if function.offered]

    async def close(self) -> None:
        """See `ToolSource`."""
        await stopped(*self._asking)
        await self._gatekeeper.close()
        if (control := self._control) is not None:
            self._control = None
            control.call.afterwork.add(hooked(HANGUP, self.functions, control))

    async def _include(self, call: CallSession) -> None:
        for include in self._spec.includes:
            for declared in await self._includes.functions(include, call):
                if declared.function in self.functions:
                    _warn(call, f"{declared.function} of an include is declared already")
                else:
                    self._add(declared, call)

    def _add(self, declared: FunctionSpec, call: CallSession) -> None:
        arguments = Arguments(declared.parameters)
        if arguments.problem:
            _warn(call, f"{declared.function}: {arguments.problem}")
        token = scope_token(declared, self._spec.defaults)
        try:
            SharedData(call.scope).set_metadata(token, declared.meta_data)
        except CallError as error:
            _warn(call, f"{declared.function}: {error}")
        run = self._run(declared, token, arguments)
        self.functions[declared.function] = Function(
            declared, token, arguments, run, self._then, self._gatekeeper, declared.active
        )

    def _run(self, declared: FunctionSpec, token: str, arguments: Arguments) -> Run:
        asking = Asking(declared, self._rules, token)
        if declared.data_map is not None:
            return Mapped(declared.data_map, asking, arguments).run
        return Webhook(asking, self._spec.defaults, arguments).run

    def _then(self, function: Function, result: SwaigResult) -> Then | None:
        async def act(so_far: ToolResult, control: CallControl) -> ToolResult:
            hands = replace(control, by=function_named(function.name), allowed=None)
            doing = Doing(
                hands, function.name, function.token, self._desk, later=result.post_process
            )
            return await carry_out(result.actions, doing, so_far)

        return Then(act, later=result.post_process)


def _warn(call: CallSession, detail: str) -> None:
    call.emit(Warned, code="swaig", detail=detail)
