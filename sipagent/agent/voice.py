"""VoiceAgent: hears the caller, gives way, and lets the mind answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

from sipagent.call.control import CallControl
from sipagent.call.interview import Answers, Field
from sipagent.call.live_agent import Exit, LiveEars, LiveMind, LiveVoice
from sipagent.call.services import TalkEnd
from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped
from sipagent.tools.source import ToolSource
from sipagent.tools.spec import ToolSpec

from .assembly import Talk, Terms, assembled
from .conversation import Conversation, Message
from .failover import Lineup, connections
from .floor import Floor
from .framing import Framing
from .guiding.guide import Guide
from .guiding.standing import Standing
from .jobs import Answer, GoOn, Leave, Sleep, Speak
from .latency import TurnClock
from .limits import Limits
from .live import Live
from .mind import Mind
from .organs import Organs
from .protocols import Brain, Briefed, Connected
from .reporting.observer import Observer
from .speaking.speaker import Speaker
from .spec import AgentSpec
from .turns.rules import TurnRules


class VoiceAgent:
    """A Talker for one call, and its Presence: `control.presence` of the tools is this agent."""

    def __init__(
        self,
        spec: AgentSpec,
        organs: Organs,
        tools: Sequence[ToolSpec] = (),
        *,
        limits: Limits | None = None,
        rules: TurnRules | None = None,
        standing: Standing | None = None,
        sources: Sequence[ToolSource] = (),
    ) -> None:
        self.conversation = Conversation()
        self.log = Observer(self.conversation, keeps=bool(sources))
        self._organs = organs
        limits = limits or Limits(
            first_token=spec.thinking_seconds, reply_characters=spec.max_reply_characters
        )
        rules = rules or spec.turn.rules(_turn_rules(spec))
        self._terms = Terms(spec, tools, sources, standing or Standing(), limits, rules)
        self._talk: Talk | None = None
        self._control: CallControl | None = None

    async def run(self, port: AudioPort, control: CallControl) -> TalkEnd:
        """Talk until a tool ends it, the caller leaves or keeps silent, or the port is closed."""
        self._control = control = replace(control, presence=self)
        spec, call = self._terms.spec, control.call
        self.log.open(call)
        for note in self._terms.standing.notes:
            call.emit(Warned, code="swml", detail=note)
        self._talk = talk = assembled(self._organs, self._terms, self.conversation, port, call)
        lineups = talk.lineups
        async with self._in_force(control):
            await talk.guide.recall()
            _brief(lineups.brains, talk.guide, self.conversation)
            _begin(talk.mind, talk.guide, spec)
            frame = Framing(call, spec, talk.mind)
            end: TalkEnd | None = None
            try:
                async with _connections(lineups.ears, lineups.brains, lineups.mouths):
                    end = await _first(talk.mind.run(control), talk.floor, talk.speaker, call)
                    return end
            finally:
                await frame.close()
                await talk.live.mouth.stop_background()
                await talk.fillers.close()
                lineups.accounts.close()
                self._talk = self._control = None
                if end is None or end.successor is None:
                    self._settle(call, talk.guide)

    @asynccontextmanager
    async def _in_force(self, control: CallControl) -> AsyncIterator[None]:
        """The call's agent is this one, and what it has for this talk alone is open."""
        call = control.call
        before, call.live_agent = call.live_agent, self
        try:
            for source in self._terms.sources:
                source.open(control)
            yield
        finally:
            if call.live_agent is self:
                call.live_agent = before
            self.log.close()
            for source in self._terms.sources:
                await source.close()

    def _settle(self, call: CallSession, guide: Guide) -> None:
        """No agent goes on: what is owed of the whole talk is made now."""
        if (debt := self._terms.standing.debt) is not None:
            call.afterwork.add(debt(call, guide.lines()))

    async def confirm(self, question: str) -> bool:
        """See `Presence`; False when no talk is going on."""
        if self._talk is None or self._control is None:
            return False
        async with self._control.call.called_back():
            return await self._talk.mind.confirm(self._control, question)

    async def interview(self, opening: str, fields: Sequence[Field]) -> Answers:
        """See `Interviewer`; cancelled when no talk is going on."""
        if self._talk is None or self._control is None:
            return Answers("cancel")
        return await self._talk.mind.interview(self._control, opening, fields)

    @property
    def mind(self) -> LiveMind:
        """See `LiveAgent`."""
        return self._now.mind

    @property
    def ears(self) -> LiveEars:
        """See `LiveAgent`."""
        return self._now.ears

    @property
    def mouth(self) -> LiveVoice:
        """See `LiveAgent`."""
        return self._now.mouth

    @property
    def _now(self) -> Live:
        if self._talk is None:
            raise CallError("the talk is over")
        return self._talk.live

    async def say(self, text: str) -> None:
        """See `Announcer`, `LiveAgent`; nothing is said when no talk is going on."""
        if self._talk is not None:
            await self._talk.mind.say(text)

    def tell(self, text: str, role: Literal["system", "user"] = "system") -> None:
        """See `LiveAgent`."""
        if self._talk is None or self._control is None:
            return
        if role == "system":
            self._talk.mind.tell(GoOn(text))
        else:
            clock = TurnClock.of_no_turn(self._control.call)
            self._talk.mind.tell(Answer(Message("caller", text), clock))

    def leave(self, section: str | None = None, *, to: Exit | None = None) -> None:
        """See `LiveAgent`."""
        if self._talk is not None:
            self._talk.mind.interrupt()
            self._talk.mind.tell(Leave(TalkEnd("done", section, exit=to)))

    async def finish_speaking(self) -> None:
        """See `Presence`; the cap is `Limits.speech_cap`."""
        if self._talk is not None:
            await self._talk.mind.finish_speaking()


def _turn_rules(spec: AgentSpec) -> TurnRules:
    return TurnRules(
        spec.end_of_turn_ms,
        spec.complete_ms,
        max(spec.patient_ms, spec.end_of_turn_ms),
        end_of_speech_timeout=spec.end_of_speech_timeout,
    )


def _brief(brains: Lineup[Brain], guide: Guide, conversation: Conversation) -> None:
    for brain in connections((brains,)):
        if isinstance(brain, Briefed):
            guide.brief()
            brain.brief(conversation, guide.offered())


def _begin(mind: Mind, guide: Guide, spec: AgentSpec) -> None:
    words, note = guide.opening()
    if spec.opening.sleep_ms and (words or note):
        mind.tell(Sleep(spec.opening.sleep_ms / 1000))
    if words:
        mind.tell(Speak(words, spec.greeting_interruptible))
    if note and not spec.waking.silent_at_first:
        mind.tell(GoOn(note))


@asynccontextmanager
async def _connections(*lineups: Lineup[Any]) -> AsyncIterator[None]:
    """Warm what has connections while the greeting is spoken; close them at the end."""
    first = [part for part in connections(lineups) if isinstance(part, Connected)]
    warming = [asyncio.ensure_future(part.warm()) for part in first]
    try:
        yield
    finally:
        await stopped(*warming)
        for part in (organ for lineup in lineups for organ in lineup.all_made):
            if isinstance(part, Connected):
                await part.aclose()


async def _first(
    talking: Coroutine[None, None, TalkEnd], floor: Floor, speaker: Speaker, call: CallSession
) -> TalkEnd:
    """Run everything until the first of it ends; leave nothing running."""
    mind = asyncio.create_task(talking)
    others = (
        asyncio.create_task(floor.listen()),
        asyncio.create_task(floor.understand()),
        asyncio.ensure_future(call.left(call.caller)),
    )
    tasks: set[asyncio.Task[Any]] = {mind, *others}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return mind.result() if mind in done else TalkEnd("gone")
    finally:
        await stopped(*tasks)
        await floor.close()
        await speaker.close()
