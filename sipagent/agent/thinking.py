"""Thinker: one reply of the mind, its words to the speaker, its tool calls to the tools."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from functools import partial

from sipagent.call.control import CallControl
from sipagent.errors import CallError, ProviderError, ToolError
from sipagent.events import ToolCalled, ToolReturned, Warned
from sipagent.tools.spec import ToolResult, ToolSpec

from .conversation import CallRequest, Conversation, Message
from .failover import Lineup, Work
from .guiding.guide import Guide
from .latency import TurnClock
from .limits import Limits
from .protocols import Brain, Say, Spoken
from .speaking.speaker import Speaker, Stage, Utterance
from .streams import closing


class Reply(StrEnum):
    """How a reply came out."""

    DONE = "done"
    ENDS_TALK = "ends_talk"
    FAILED = "failed"


class Thinker:
    """`give_up` asks it to say nothing more once the tool that runs has returned."""

    def __init__(
        self,
        brains: Lineup[Brain],
        guide: Guide,
        conversation: Conversation,
        speaker: Speaker,
        limits: Limits,
        *,
        max_tool_calls: int,
    ) -> None:
        self._brains = brains
        self._guide = guide
        self._conversation = conversation
        self._speaker = speaker
        self._limits = limits
        self._max_tool_calls = max_tool_calls
        self.in_tool = False
        self.give_up = False

    async def reply(self, control: CallControl, clock: TurnClock) -> Reply:
        """Answer the newest caller message. Returns when the answer was played (or stopped)."""
        self.give_up = False
        left = self._max_tool_calls
        while True:
            self._guide.brief()
            offered = self._guide.offered() if left > 0 else ()
            try:
                utterance, requests = await self._think(offered, clock)
            except ProviderError:
                return Reply.FAILED
            if not requests:
                await utterance.done()
                return Reply.FAILED if utterance.failure else Reply.DONE
            if not offered:
                self._refuse(control, requests)
                return Reply.FAILED
            if await self._call_tools(control, requests[:left], requests[left:]):
                return Reply.ENDS_TALK
            left -= len(requests)
            if self.give_up:
                return Reply.DONE

    async def _think(
        self, tools: Sequence[ToolSpec], clock: TurnClock
    ) -> tuple[Utterance, tuple[CallRequest, ...]]:
        work = self._brains.work()
        while True:
            utterance = self._speaker.open()
            utterance.on_stage = partial(self._reached, clock)
            clock.served_by("mind", work.name)
            requests: list[CallRequest] = []
            try:
                await self._read(work, tools, clock, utterance, requests)
            except ProviderError as error:
                # what an answer that broke off asked for is not done
                requests.clear()
                utterance.finish()
                if not await work.failed(error, go_on=not utterance.begun):
                    raise
            else:
                return utterance, tuple(requests)
            finally:
                utterance.finish()
                self._remember(utterance, tuple(requests))

    def _reached(self, clock: TurnClock, stage: Stage) -> None:
        clock.served_by("mouth", self._speaker.provider)
        clock.spoken(stage)

    def _remember(self, utterance: Utterance, requests: tuple[CallRequest, ...]) -> None:
        # of speech that was stopped, or failed already, the speaker has kept what was heard
        if utterance.stopped:
            return
        text, sounds = (utterance.text, utterance.sounds) if utterance.live else ("", ())
        if text or sounds or requests:
            message = Message("agent", text, requests=requests, sounds=sounds)
            utterance.message = self._conversation.add(message)

    async def _read(
        self,
        work: Work[Brain],
        tools: Sequence[ToolSpec],
        clock: TurnClock,
        utterance: Utterance,
        requests: list[CallRequest],
    ) -> None:
        limit = self._limits.first_token
        async with closing(work.organ.reply(self._conversation, tools)) as parts:
            while True:
                try:
                    async with asyncio.timeout(limit):
                        part = await anext(parts, None)
                except TimeoutError as error:
                    cause = f"nothing within {limit:g} s"
                    raise ProviderError(work.name, cause, retryable=False) from error
                if part is None:
                    return
                clock.reached("first_token")
                limit = self._limits.next_token
                if isinstance(part, Say):
                    utterance.add(part.text)
                elif isinstance(part, Spoken):
                    utterance.speak(part)
                else:
                    utterance.flush()
                    requests.append(CallRequest(part.id, part.name, part.arguments))

    async def _call_tools(
        self, control: CallControl, requests: Sequence[CallRequest], beyond: Sequence[CallRequest]
    ) -> bool:
        unanswered = [*requests, *beyond]
        ends = False
        self.in_tool = True
        try:
            for request in requests:
                began = control.call.bridge.clock.t
                result = await self._call_tool(control, request)
                unanswered.remove(request)
                self._told(control, request, result, control.call.bridge.clock.t - began)
                ends = ends or result.ends_talk
                if ends or self.give_up:
                    break
        finally:
            self.in_tool = False
            for request in unanswered:
                late = request in beyond
                why = "too many tools in one turn" if late else "the caller spoke first"
                self._told(control, request, ToolResult(f"This was not done: {why}.", ok=False))
        return ends

    async def _call_tool(self, control: CallControl, request: CallRequest) -> ToolResult:
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
        try:
            async with asyncio.timeout(tool.timeout):
                return await tool.invoke(request.arguments, control)
        except TimeoutError:
            return ToolResult(f"{tool.name} did not answer in time.", ok=False)
        except (ToolError, CallError) as error:
            return ToolResult(str(error), ok=False)

    def _told(
        self, control: CallControl, request: CallRequest, result: ToolResult, ms: int = 0
    ) -> None:
        self._conversation.add(
            Message("tool", result.text, tool_call_id=request.id, tool=request.name, ok=result.ok)
        )
        control.call.emit(
            ToolReturned, id=request.id, tool=request.name, ok=result.ok, result=result.text, ms=ms
        )

    def _refuse(self, control: CallControl, requests: Sequence[CallRequest]) -> None:
        for request in requests:
            self._told(control, request, ToolResult("Too many tools in one turn.", ok=False))
        detail = f"the mind asked for more than {self._max_tool_calls} tools in one turn"
        control.call.emit(Warned, code="too_many_tools", detail=detail)
