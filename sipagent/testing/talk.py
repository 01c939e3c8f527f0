"""FakeTalk: a VoiceAgent with scripted organs in a simulated call, ready to be talked to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sipagent.agent.conversation import Conversation
from sipagent.agent.failover import Candidate, only
from sipagent.agent.limits import Limits
from sipagent.agent.organs import Organs
from sipagent.agent.protocols import Brain, Synthesizer, Transcriber
from sipagent.agent.realtime.joining import speaking_for_itself
from sipagent.agent.realtime.organs import RealtimeBrain
from sipagent.agent.refs import ProviderRef
from sipagent.agent.spec import AgentSpec
from sipagent.agent.voice import VoiceAgent
from sipagent.call.policy import Policy
from sipagent.call.privacy import NOTHING, Privacy
from sipagent.call.services import TalkEnd
from sipagent.events import Said
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped
from sipagent.tools.source import ToolSource
from sipagent.tools.spec import ToolSpec

from .fakes import FakeCall, a_call
from .legs import FarEnd
from .organs import BeepMouth, LoudnessVad, ScriptedBrain, ScriptedEars


@dataclass
class FakeTalk:
    """What a test of a conversation touches."""

    call: FakeCall
    agent: VoiceAgent
    port: AudioPort
    ears: ScriptedEars
    brain: ScriptedBrain
    mouth: BeepMouth
    running: asyncio.Task[TalkEnd]

    @property
    def person(self) -> FarEnd:
        """The caller."""
        return self.call.caller.far

    @property
    def conversation(self) -> Conversation:
        """What the agent remembers."""
        return self.agent.conversation

    @property
    def said(self) -> list[tuple[str, str]]:
        """Who said what, as it is on record."""
        return [(event.speaker, event.text) for event in self.call.all(Said)]

    def heard_words(self, start: int = 0) -> str:
        """The agent's words that the caller heard from media-clock `start` ms on."""
        return self.mouth.text_in(self.person.heard_pcm(start))

    async def until(self, t: int) -> None:
        """Wait until the media clock shows `t` ms."""
        await asyncio.sleep(max(0, t - self.call.bridge.clock.t) / 1000)

    async def end(self) -> TalkEnd:
        """Wait until the talk ends by itself, an hour at most."""
        async with asyncio.timeout(3600):
            return await self.running


@dataclass(frozen=True, slots=True)
class Others:
    """Who takes over where the scripted one fails."""

    ears: Sequence[Candidate[Transcriber]] = ()
    brain: Sequence[Candidate[Brain]] = ()
    mouth: Sequence[Candidate[Synthesizer]] = ()


@asynccontextmanager
async def a_talk(
    *,
    ears: ScriptedEars | None = None,
    brain: ScriptedBrain | None = None,
    mouth: BeepMouth | None = None,
    tools: Sequence[ToolSpec] = (),
    sources: Sequence[ToolSource] = (),
    policy: Policy | None = None,
    allowed: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    others: Others = Others(),
    speaking: RealtimeBrain | None = None,
    provider: str = "intents",
    privacy: Privacy = NOTHING,
    fakes: Mapping[str, Any] | None = None,
    **spec: Any,
) -> AsyncIterator[FakeTalk]:
    """A talk that has just begun; it is over, whatever happens, when the block is left.

    `spec` are keys of AgentSpec, and `provider` is what its mind calls itself; with `speaking` the
    agent hears and speaks by that, and the other
    organs stand in for it. The control is a model's: it may use the verbs in `allowed`. `fakes`
    replaces members of `Services` by name.
    """
    call = a_call(privacy=privacy, **(fakes or {}))
    ears, brain, mouth = ears or ScriptedEars(), brain or ScriptedBrain(), mouth or BeepMouth()
    declared = AgentSpec(brain=(ProviderRef(provider=provider),), **spec)
    mind: Brain = brain if speaking is None else speaking
    organs = Organs(
        LoudnessVad(),
        (*only(ears, declared.ears[0].provider), *others.ears),
        (*only(mind, declared.brain[0].provider), *others.brain),
        (*only(mouth, declared.voice[0].provider), *others.mouth),
    )
    agent = VoiceAgent(declared, speaking_for_itself(organs), tools, limits=limits, sources=sources)
    port = call.bridge.open_port("agent")
    call.session.room.join(port)
    call.session.agent = port
    control = call.control("model", policy or Policy(), allowed=allowed)
    running = asyncio.create_task(agent.run(port, control))
    try:
        yield FakeTalk(call, agent, port, ears, brain, mouth, running)
    finally:
        await stopped(running)
        call.bridge.close_port(port)
        await call.close()
