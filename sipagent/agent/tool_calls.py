"""ToolCalls: the tools a reply asked for, one after another, each one answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sipagent.call.control import CallControl
from sipagent.call.tracing import TOOL, within
from sipagent.errors import CallError, ToolError
from sipagent.events import ToolCalled, ToolReturned, Warned
from sipagent.tools.functions import bounded
from sipagent.tools.spec import Then, ToolResult

from .conversation import CallRequest, Conversation, Message
from .guiding.guide import Guide
from .speaking.fillers import Fillers
from .steering.tools import ToolSteering
from .tool_manners import ToolManners

#: the same tool with the same arguments, so often in a row, is refused
_REPEATS = 3


class ToolCalls:
    """One instance a talk. `give_up` asks it to begin no other once the tool that runs returned."""

    def __init__(
        self,
        guide: Guide,
        conversation: Conversation,
        fillers: Fillers,
        limit: int,
        *,
        manners: ToolManners,
    ) -> None:
        """`limit` is how many may be called in one turn."""
        self.running = False
        self.give_up = False
        self.limit = limit
        self.manners = manners
        self._guide = guide
        self._conversation = conversation
        self._fillers = fillers
        self._last: CallRequest | None = None
        self._repeated = 0
        self.steering = ToolSteering(conversation)
        #: what is still to be done once the reply that runs was heard
        self._due: list[tuple[str, ToolResult, Then]] = []

    def new_turn(self) -> None:
        """The caller said something: what is asked for now is asked for anew."""
        self.give_up = False
        self.steering.new_turn()
        self._last, self._repeated = None, 0

    async def run(
        self, control: CallControl, requests: Sequence[CallRequest], beyond: Sequence[CallRequest]
    ) -> bool:
        """Call them; those `beyond` the limit are refused. True where one of them ends the talk."""
        unanswered = [*requests, *beyond]
        ends = False
        self.running = True
        try:
            for request in requests:
                began = control.call.bridge.clock.t
                self.steering.request = request.id
                result = await self._call(control, request)
                result = await self._then(control, request, result)
                unanswered.remove(request)
                self._told(control, request, result, control.call.bridge.clock.t - began)
                ends = ends or result.ends_talk
                if ends or self.give_up:
                    break
        finally:
            self.running = False
            for request in unanswered:
                late = request in beyond
                why = "too many tools in one turn" if late else "the caller spoke first"
                self._told(control, request, ToolResult(f"This was not done: {why}.", ok=False))
        return ends

    async def settle(self, control: CallControl) -> bool:
        """The reply was heard: do what was left until then. True where that ends the talk."""
        due, self._due = self._due, []
        ends = False
        self.running = True
        try:
            for request, result, then in due:
                self.steering.request = request
                ends = (await then.run(result, control)).ends_talk or ends
        finally:
            self.running = False
        return ends

    async def _then(
        self, control: CallControl, request: CallRequest, result: ToolResult
    ) -> ToolResult:
        then = result.then
        if then is None:
            return result
        if then.later:
            self._due.append((request.id, result, then))
            return replace(result, then=None)
        done = await then.run(result, control)
        return replace(done, text=bounded(done.text), then=None)

    def refuse(self, control: CallControl, requests: Sequence[CallRequest]) -> None:
        """None of these is called: there were enough in this turn."""
        for request in requests:
            self._told(control, request, ToolResult("Too many tools in one turn.", ok=False))
        detail = f"the mind asked for more than {self.limit} tools in one turn"
        control.call.emit(Warned, code="too_many_tools", detail=detail)

    async def _call(self, control: CallControl, request: CallRequest) -> ToolResult:
        call = control.call
        call.emit(ToolCalled, id=request.id, tool=request.name, arguments=request.arguments)
        # what an earlier tool of the same reply has changed counts
        tools = {tool.name: tool for tool in self._guide.offered()}
        tool = tools.get(request.name)
        if tool is None:
            known = ", ".join(tools) or "none"
            return ToolResult(f"There is no tool {request.name!r}. The tools: {known}.", ok=False)
        if "_malformed" in request.arguments:
            return ToolResult("The arguments are not a JSON object. Call it again.", ok=False)
        if self._again(request):
            text = f"{tool.name} was called {_REPEATS - 1} times with these arguments already: "
            text += "use what it told you, call it differently, or tell the caller."
            return ToolResult(f"This was not done: {text}", ok=False)
        wait = self._fillers.tool(tool)
        try:
            if why := await self.manners.refused():
                return ToolResult(f"This was not done: {why}.", ok=False)
            await self._fillers.first(tool)
            async with self.manners.waiting(tool.meanwhile), asyncio.timeout(tool.timeout):
                with within(TOOL, request.id):
                    return await tool.invoke(request.arguments, control)
        except TimeoutError:
            return ToolResult(f"{tool.name} did not answer in time.", ok=False)
        except (ToolError, CallError) as error:
            return ToolResult(str(error), ok=False)
        finally:
            wait.over()

    def _again(self, request: CallRequest) -> bool:
        """Is the mind going round in circles?"""
        last, self._last = self._last, request
        same = last is not None and (last.name, last.arguments) == (request.name, request.arguments)
        self._repeated = self._repeated + 1 if same else 1
        return self._repeated >= _REPEATS

    def _told(
        self, control: CallControl, request: CallRequest, result: ToolResult, ms: int = 0
    ) -> None:
        self._conversation.add(
            Message("tool", result.text, tool_call_id=request.id, tool=request.name, ok=result.ok)
        )
        control.call.emit(
            ToolReturned, id=request.id, tool=request.name, ok=result.ok, result=result.text, ms=ms
        )
