"""Agents of a plan with scripted ears and minds, in a simulated call."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sipagent.agent.afterwards.scribe import Scribe
from sipagent.agent.failover import only
from sipagent.agent.guiding.standing import Standing
from sipagent.agent.organs import Organs
from sipagent.agent.protocols import Brain
from sipagent.agent.spec import AgentSpec
from sipagent.agent.voice import VoiceAgent
from sipagent.call.services import Baton, Talker
from sipagent.call.verb import Outcome
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.load import load
from sipagent.dialplan.model import Plan
from sipagent.errors import PlanError
from sipagent.events import Said
from sipagent.providers.minds.intents import IntentsBrain
from sipagent.sources import parse
from sipagent.tasks import stopped
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS
from sipagent.verbs.converse import AiVerb

from .fakes import FakeCall, a_call
from .legs import FarEnd
from .organs import BeepMouth, LoudnessVad, ScriptedEars


class StagedTalkers:
    """Behind `Talkers`: the agents of a plan, with the minds a test gives them by name; the
    others have the embedded mind. All share one pair of ears and one mouth. A mind named
    "summary" writes the summaries.
    """

    def __init__(self, plan: Plan, ears: ScriptedEars, minds: Mapping[str, Brain]) -> None:
        self.plan = plan
        self.ears = ears
        self.mouth = BeepMouth()
        self.agents: list[VoiceAgent] = []
        self._minds = minds
        self._toolbox = Toolbox({}, VERBS)

    def open(
        self, agent: str | Mapping[str, Any], call_id: str, baton: Baton | None = None
    ) -> tuple[Talker, frozenset[str]]:
        """See `Talkers`. Raises PlanError."""
        spec = self.plan.agents.get(str(agent))
        if spec is None:
            raise PlanError(f"no agent named {agent!r}")
        mind = self._minds.get(str(agent)) or IntentsBrain(spec)
        organs = Organs.lone(LoudnessVad(), self.ears, mind, self.mouth)
        peers = {name: other.description for name, other in self.plan.agents.items()}
        standing = Standing(str(agent), baton, peers, self._scribe(str(agent), spec))
        made = VoiceAgent(spec, organs, self._toolbox.specs(spec.tools), standing=standing)
        self.agents.append(made)
        return made, self._toolbox.verbs(spec.tools)

    def _scribe(self, agent: str, spec: AgentSpec) -> Scribe | None:
        mind = self._minds.get("summary")
        if spec.summary is None or mind is None:
            return None
        return Scribe(agent, spec.summary, only(mind, "summary"), spec.memory)


class StagedCall:
    """A call to the first agent of a plan."""

    def __init__(self, call: FakeCall, talkers: StagedTalkers) -> None:
        self.call = call
        self.talkers = talkers
        control = call.control("dialplan", talkers.plan.policy)
        verb = AiVerb(agent=next(iter(talkers.plan.agents)))
        self.running: asyncio.Task[Outcome] = asyncio.ensure_future(verb.run(control))

    @property
    def person(self) -> FarEnd:
        """The caller."""
        return self.call.caller.far

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the plan."""
        found: dict[str, Any] = self.call.session.scope["vars"]
        return found

    @property
    def said(self) -> list[tuple[str, str]]:
        """Who said what, as it is on record."""
        return [(event.speaker, event.text) for event in self.call.all(Said)]

    async def until(self, t: int) -> None:
        """Wait until the media clock shows `t` ms."""
        await asyncio.sleep(max(0, t - self.call.bridge.clock.t) / 1000)

    async def answers(self, quiet: int = 4000) -> str:
        """Speak, and what the agent said in the `quiet` ms after."""
        before = len(self.said)
        await self.person.speak(400, then_quiet=quiet)
        return self._agent_since(before)

    async def presses(self, keys: str, quiet: int = 4000) -> str:
        """Press keys, and what the agent said in the `quiet` ms after."""
        before = len(self.said)
        self.person.press(keys)
        await asyncio.sleep(quiet / 1000)
        return self._agent_since(before)

    def _agent_since(self, before: int) -> str:
        return " ".join(text for who, text in self.said[before:] if who == "agent")


@asynccontextmanager
async def a_staged_call(
    plan: str,
    *,
    ears: ScriptedEars | None = None,
    minds: Mapping[str, Brain] | None = None,
    variables: Mapping[str, Any] | None = None,
    **fakes: Any,
) -> AsyncIterator[StagedCall]:
    """A call that has just come to the first agent of a plan written as text.

    Raises ConfigError where the plan cannot be read.
    """
    loaded = load(parse(plan, "plan.yaml"))
    talkers = StagedTalkers(loaded, ears or ScriptedEars(), minds or {})
    call = a_call(talkers=talkers, expressions=JavaScript(), variables=variables, **fakes)
    staged = StagedCall(call, talkers)
    try:
        yield staged
    finally:
        await stopped(staged.running)
        await call.close()
