"""Thinker: the mind's answer to one turn: what it says, and the tools it calls on the way."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

from sipagent.call.control import CallControl
from sipagent.errors import ProviderError
from sipagent.events import Warned
from sipagent.tools.spec import ToolSpec

from .conversation import Conversation, Message
from .failover import Lineup
from .guiding.guide import Guide
from .latency import TurnClock
from .limits import Limits
from .protocols import Brain
from .reading import Reading
from .speaking.fillers import Fillers, Wait
from .speaking.speaker import Speaker, Stage, Utterance
from .tool_calls import ToolCalls
from .tool_manners import ToolManners


class Reply(StrEnum):
    """How a reply came out."""

    DONE = "done"
    ENDS_TALK = "ends_talk"
    FAILED = "failed"


class Thinker:
    """One instance a talk."""

    def __init__(
        self,
        brains: Lineup[Brain],
        guide: Guide,
        conversation: Conversation,
        speaker: Speaker,
        limits: Limits,
        *,
        fillers: Fillers,
        manners: ToolManners,
        max_tool_calls: int,
    ) -> None:
        self.tools = ToolCalls(guide, conversation, fillers, max_tool_calls, manners=manners)
        self._fillers = fillers
        self._brains = brains
        self._guide = guide
        self._conversation = conversation
        self._speaker = speaker
        self._limits = limits

    async def reply(
        self, control: CallControl, clock: TurnClock, *, with_tools: bool = True
    ) -> Reply:
        """Answer the newest caller message. Returns when the answer was played (or stopped)."""
        self.tools.new_turn()
        left = self.tools.limit if with_tools else 0
        while True:
            self._guide.brief()
            offered = self._guide.offered() if left > 0 else ()
            try:
                reading = await self._read(offered, clock)
            except ProviderError:
                return Reply.FAILED
            requests = reading.requests
            if not requests:
                return await self._said(control, reading.utterance)
            if not offered:
                self.tools.refuse(control, requests)
                return Reply.FAILED
            if await self.tools.run(control, requests[:left], requests[left:]):
                return Reply.ENDS_TALK
            left = left - len(requests) if self.tools.steering.in_a_row else 0
            if self.tools.give_up:
                return Reply.DONE
            if self.tools.steering.rest:
                return await self._said(control, reading.utterance)

    async def _said(self, control: CallControl, utterance: Utterance | None) -> Reply:
        reply = await _spoken(utterance)
        return Reply.ENDS_TALK if await self.tools.settle(control) else reply

    async def _read(self, tools: Sequence[ToolSpec], clock: TurnClock) -> Reading:
        """The answer of the first provider that has one. Raises ProviderError."""
        wait = self._fillers.thinking()
        try:
            return await self._ask(tools, clock, wait)
        finally:
            wait.over()

    async def _ask(self, tools: Sequence[ToolSpec], clock: TurnClock, wait: Wait) -> Reading:
        work = self._brains.work()

        def begins() -> None:
            wait.over()
            clock.reached("first_token")

        while True:
            clock.served_by("mind", work.name)
            media = self._speaker.call.bridge.clock
            reading = Reading(work, partial(self._open, clock), self._limits, media)
            try:
                brain = self._guide.brain(work.organ)
                await reading.read(brain, self._conversation, tools, begins)
                if reading.cut:
                    detail = f"an answer of {work.name} was cut: {reading.cut}"
                    self._speaker.call.emit(Warned, code="answer_cut", detail=detail)
            except ProviderError as error:
                if not await work.failed(error, go_on=not reading.begun):
                    raise
            else:
                return reading
            finally:
                self._remember(reading)

    def _open(self, clock: TurnClock) -> Utterance:
        utterance = self._speaker.open()
        utterance.on_stage = partial(self._reached, clock)
        return utterance

    def _reached(self, clock: TurnClock, stage: Stage) -> None:
        clock.served_by("mouth", self._speaker.provider)
        clock.spoken(stage)

    def _remember(self, reading: Reading) -> None:
        utterance = reading.utterance
        message = Message("agent", requests=tuple(reading.requests))
        if utterance is not None:
            # of speech that was stopped, or failed already, the speaker has kept what was heard
            if utterance.stopped:
                return
            if utterance.live:
                message = replace(message, text=utterance.text, sounds=utterance.sounds)
        if message.text or message.sounds or message.requests:
            self._conversation.add(message)
            if utterance is not None:
                utterance.message = message


async def _spoken(utterance: Utterance | None) -> Reply:
    if utterance is None:
        return Reply.DONE
    await utterance.done()
    return Reply.FAILED if utterance.failure else Reply.DONE
