"""Hooks: the functions that the platform calls itself, when a talk begins and when it is over."""

from collections.abc import Mapping

from sipagent.call.control import CallControl
from sipagent.events import ToolCalled, ToolReturned

from ..spec import ToolResult
from .function import Function

STARTUP, HANGUP = "startup_hook", "hangup_hook"


async def hooked(name: str, functions: Mapping[str, Function], control: CallControl) -> None:
    """Call the function of this name, where it is declared. Nobody waits for it, nobody reads what
    it says; its actions are carried out while the talk goes on, and none when it is over.
    """
    function = functions.get(name)
    if function is None:
        return
    call = control.call
    call.emit(ToolCalled, id=name, tool=name, arguments={})
    began = call.bridge.clock.t
    result = await function.run({}, control)
    told = ToolResult(call.secrets.scrub(result.text), result.ok)
    then = function.act(function, result) if result.actions and name == STARTUP else None
    if then is not None:
        told = await then.run(told, control)
    ms = call.bridge.clock.t - began
    call.emit(ToolReturned, id=name, tool=name, ok=told.ok, result=told.text, ms=ms)
