"""VoiceAgent: hears the caller, gives way, and lets the mind answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from sipagent.call.control import CallControl
from sipagent.call.interview import Answers, Field
from sipagent.call.live_agent import Exit, LiveEars, LiveMind, LiveVoice
from sipagent.call.services import SpeechDetector, TalkEnd
from sipagent.call.session import CallSession
from sipagent.errors import CallError, ProviderError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tools.source import ToolSource
from sipagent.tools.spec import ToolSpec

from .accounts import Accounts
from .conversation import Conversation, Message
from .failover import Candidate, Lineup, connections, only
from .floor import Floor
from .framing import Framing
from .guiding.guide import Guide
from .guiding.standing import Standing
from .hearing_rules import HearingRules
from .jobs import Answer, GoOn, Leave, Sleep, Speak
from .latency import TurnClock
from .limits import Failures, Limits
from .live import EarSteering, Live, MindSteering, VoiceSteering
from .mind import Mind
from .pausing import PauseConversation
from .protocols import Brain, Briefed, Connected, Expectation, Synthesizer, Transcriber
from .reporting.observer import Observer
from .shared import bring_data
from .speaking.changing import ChangeLanguage
from .speaking.fillers import Fillers
from .speaking.manner import Manner
from .speaking.speaker import Speaker
from .spec import AgentSpec
from .thinking import Thinker
from .tool_manners import ToolManners
from .turns.awaiting import awaiting
from .turns.rules import TurnRules
from .understanding import Senses
from .witness.witnessed import minds_of


@dataclass(frozen=True, slots=True)
class Organs:
    """What an agent is made of, each in the order they are tried; mouths speak at the bridge's
    rate.
    """

    vad: SpeechDetector
    ears: Sequence[Candidate[Transcriber]]
    brain: Sequence[Candidate[Brain]]
    mouth: Sequence[Candidate[Synthesizer]]

    @classmethod
    def lone(
        cls, vad: SpeechDetector, ears: Transcriber, brain: Brain, mouth: Synthesizer
    ) -> "Organs":
        """One of each, made already."""
        return cls(vad, only(ears, "ears"), only(brain, "mind"), only(mouth, "mouth"))


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
        self._sources = sources
        self.conversation = Conversation()
        self.log = Observer(self.conversation, keeps=bool(sources))
        self._spec = spec
        self._organs = organs
        self._tools = tools
        self._standing = standing or Standing()
        self._limits = limits or Limits(
            first_token=spec.thinking_seconds, reply_characters=spec.max_reply_characters
        )
        self._rules = rules or TurnRules(
            spec.end_of_turn_ms,
            spec.complete_ms,
            max(spec.patient_ms, spec.end_of_turn_ms),
            end_of_speech_timeout=spec.end_of_speech_timeout,
        )
        self._rules = spec.turn.rules(self._rules) if rules is None else rules
        self._mind: Mind | None = None
        self._live: Live | None = None
        self._control: CallControl | None = None

    async def run(self, port: AudioPort, control: CallControl) -> TalkEnd:
        """Talk until a tool ends it, the caller leaves or keeps silent, or the port is closed."""
        self._control = control = replace(control, presence=self)
        spec, organs, call = self._spec, self._organs, control.call
        self.log.open(call)
        for note in self._standing.notes:
            call.emit(Warned, code="swml", detail=note)
        failures = Failures(self._limits.failures)
        accounts = Accounts(call, failures)
        ears = Lineup("ears", organs.ears, accounts)
        brains = minds_of(call, organs.brain, accounts, "talk", self._standing.name)
        mouths = Lineup("mouth", organs.mouth, accounts)
        bring_data(call, spec)
        self.conversation.messages += [line.message for line in spec.opening.history]
        manner, hearing = _manner(spec), HearingRules(spec)
        tools = [*self._tools, *_own_tools(spec, manner, hearing)]
        guide = Guide(
            spec,
            tools,
            self.conversation,
            call,
            self._standing,
            sources=self._sources,
            language=lambda: manner.language,
        )
        speaker = Speaker(
            mouths,
            port,
            call,
            self.conversation,
            limits=self._limits,
            manner=manner,
            volume=spec.volume,
        )
        manners = ToolManners(spec.functions, speaker)
        fillers = Fillers(speaker, manner, spec.filler_after_ms / 1000)
        thinker = Thinker(
            brains,
            guide,
            self.conversation,
            speaker,
            self._limits,
            fillers=fillers,
            manners=manners,
            max_tool_calls=spec.max_tool_calls,
        )
        floor = Floor(
            spec,
            Senses(
                organs.vad,
                ears,
                lambda: hearing.hints.expected(
                    manner.heard(guide.expects(_expected(brains, self.conversation)))
                ),
                lambda expected: awaiting(expected, guide.offered(), self.conversation.spoken),
            ),
            speaker,
            call,
            rules=self._rules,
            limits=self._limits,
            hearing=hearing,
        )
        mind = Mind(
            spec,
            thinker,
            speaker,
            self.conversation,
            guide,
            failures=failures,
            caller_busy=floor.caller_busy,
        )
        self._mind = mind
        floor.follow(mind)
        self._live = Live(
            MindSteering(guide, self.conversation, floor, thinker.tools.steering),
            EarSteering(floor, hearing),
            VoiceSteering(speaker, floor),
        )
        async with self._in_force(control):
            await guide.recall()
            _brief(brains, guide, self.conversation)
            fillers.may_speak = floor.listens
            manners.caller_busy = floor.caller_busy
            _begin(mind, guide, spec)
            frame = Framing(call, spec, mind)
            end: TalkEnd | None = None
            try:
                async with _connections(ears, brains, mouths):
                    end = await _first(mind.run(control), floor, speaker, call)
                    return end
            finally:
                await frame.close()
                await self._now.mouth.stop_background()
                await fillers.close()
                accounts.close()
                self._mind = self._control = self._live = None
                if end is None or end.successor is None:
                    self._settle(call, guide)

    @asynccontextmanager
    async def _in_force(self, control: CallControl) -> AsyncIterator[None]:
        """The call's agent is this one, and what it has for this talk alone is open."""
        call = control.call
        before, call.live_agent = call.live_agent, self
        try:
            for source in self._sources:
                source.open(control)
            yield
        finally:
            if call.live_agent is self:
                call.live_agent = before
            self.log.close()
            for source in self._sources:
                await source.close()

    def _settle(self, call: CallSession, guide: Guide) -> None:
        """No agent goes on: what is owed of the whole talk is made now."""
        if (debt := self._standing.debt) is not None:
            call.afterwork.add(debt(call, guide.lines()))

    async def confirm(self, question: str) -> bool:
        """See `Presence`; False when no talk is going on."""
        if self._mind is None or self._control is None:
            return False
        async with self._control.call.called_back():
            return await self._mind.confirm(self._control, question)

    async def interview(self, opening: str, fields: Sequence[Field]) -> Answers:
        """See `Interviewer`; cancelled when no talk is going on."""
        if self._mind is None or self._control is None:
            return Answers("cancel")
        return await self._mind.interview(self._control, opening, fields)

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
        if self._live is None:
            raise CallError("the talk is over")
        return self._live

    async def say(self, text: str) -> None:
        """See `Announcer`, `LiveAgent`; nothing is said when no talk is going on."""
        if self._mind is not None:
            await self._mind.say(text)

    def tell(self, text: str, role: Literal["system", "user"] = "system") -> None:
        """See `LiveAgent`."""
        if self._mind is None or self._control is None:
            return
        if role == "system":
            self._mind.tell(GoOn(text))
        else:
            clock = TurnClock.of_no_turn(self._control.call)
            self._mind.tell(Answer(Message("caller", text), clock))

    def leave(self, section: str | None = None, *, to: Exit | None = None) -> None:
        """See `LiveAgent`."""
        if self._mind is not None:
            self._mind.interrupt()
            self._mind.tell(Leave(TalkEnd("done", section, exit=to)))

    async def finish_speaking(self) -> None:
        """See `Presence`; the cap is `Limits.speech_cap`."""
        if self._mind is not None:
            await self._mind.finish_speaking()


def _manner(spec: AgentSpec) -> Manner:
    return Manner(
        spec.languages, spec.pronounce, spec.fillers, spec.prompts, numbers=spec.tts_number_format
    )


def _own_tools(spec: AgentSpec, manner: Manner, hearing: HearingRules) -> Iterator[ToolSpec]:
    """Those that come with what the agent is."""
    if spec.change_language and len(spec.languages) > 1:
        yield ChangeLanguage(manner).tool
    if spec.waking.may_pause:
        yield PauseConversation(spec.waking, hearing.wake).tool


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
        for task in warming:
            task.cancel()
        await asyncio.gather(*warming, return_exceptions=True)
        for part in (organ for lineup in lineups for organ in lineup.all_made):
            if isinstance(part, Connected):
                await part.aclose()


def _expected(brains: Lineup[Brain], conversation: Conversation) -> Expectation:
    try:
        return brains.organ.expects(conversation)
    except ProviderError:
        # it cannot be made: its first reply will tell
        return Expectation()


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
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await floor.close()
        await speaker.close()
