"""The worker's house: what a call needs, put together from settings, plan and loaded models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sipagent.agent.afterwards.scribe import Scribe
from sipagent.agent.echo import EchoTalker
from sipagent.agent.failover import Candidate, only
from sipagent.agent.guiding.standing import Standing
from sipagent.agent.natives.natives import Natives
from sipagent.agent.organs import Organs
from sipagent.agent.prices import Prices
from sipagent.agent.realtime.joining import speaking_for_itself
from sipagent.agent.reporting.reporter import Reporter
from sipagent.agent.sidecar import ModelSidecar
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.agent.voice import VoiceAgent
from sipagent.call.control import CallControl
from sipagent.call.dial import Dialer
from sipagent.call.model_log import ModelLog, NoModelLog
from sipagent.call.others import OtherCalls
from sipagent.call.privacy import strictest
from sipagent.call.services import Baton, Meetings, Memory, Places, Services, Talker, Texts
from sipagent.call.web import Web
from sipagent.config import Settings
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.lint_talks import tools_of_its_own
from sipagent.dialplan.model import Plan
from sipagent.dialplan.repository import plan_files
from sipagent.dialplan.shelf import Shelf
from sipagent.dialplan.swml.ai import InlineAgent, agent_of
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.errors import PlanError, ProviderError
from sipagent.media.keytones import learn_keys
from sipagent.providers.decoding import CONTAINERS, wants_containers
from sipagent.providers.embedded import Embedded, Models
from sipagent.providers.espeak import EspeakMouth
from sipagent.providers.fetching import Fetcher
from sipagent.providers.hearing import EmbeddedHearing
from sipagent.providers.kit import Kit
from sipagent.providers.mcp.servers import CONFIGURED as MCP
from sipagent.providers.mcp.servers import wants_mcp
from sipagent.providers.registry import ECHO, LANGUAGE_MODELS, late_kinds
from sipagent.providers.sounds import SoundLibrary
from sipagent.providers.tap_wires import WEB_SOCKET, NetworkTaps, wants_web_sockets
from sipagent.providers.web.client import preload as preload_web
from sipagent.providers.web.client import wants_web
from sipagent.providers.writers import MP3, WRITERS, wants_mp3, writers_into
from sipagent.store.models import MODELS, ModelFile
from sipagent.store.vault import Files
from sipagent.tools.loader import load_tools
from sipagent.tools.mcp.server import McpServers
from sipagent.tools.mcp.source import McpSource
from sipagent.tools.source import ToolSource
from sipagent.tools.swaig.includes import Includes
from sipagent.tools.swaig.source import SwaigSource
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS
from sipagent.verbs.documents import run_document

from .browsers import BOOTH
from .functions import rules_of
from .helping import HouseModels, OtherEars
from .makers import Makers, Purpose, RegisteredMakers


@dataclass(frozen=True, slots=True)
class Stock:
    """What is loaded once, before the first fork."""

    embedded: Models
    toolbox: Toolbox
    shelf: Shelf


def load_stock(settings: Settings) -> Stock:
    """Load models and users' tools. Raises ConfigError, ProviderError."""
    plans = plan_texts(settings)
    for kind in late_kinds(settings, plans):
        kind.preload()
    if wants_containers(plans):
        CONTAINERS.preload()
    if wants_mp3(plans):
        MP3.preload()
    if wants_web_sockets(plans):
        WEB_SOCKET.preload()
    if wants_mcp(plans):
        MCP.preload()
    if settings.webrtc is not None:
        BOOTH.preload()
    learn_keys(settings.media.clock_rate)
    if wants_web([*plans, *map(str.encode, settings.envs.values())]):
        preload_web()
    return Stock(
        Embedded(),
        Toolbox(load_tools(settings.tools, reserved=VERBS), VERBS),
        Shelf(settings.dialplans),
    )


def plan_texts(settings: Settings) -> list[bytes]:
    """Every file of the dialplans, as it stands there."""
    return [file.read_bytes() for file in plan_files(settings.dialplans)]


class PlanTalkers:
    """Behind `Talkers`: the agents of one plan, or an inline SWML `ai` object."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        stock: Stock,
        rate: int,
        mcp: McpServers,
        *,
        makers: Makers | None = None,
    ) -> None:
        self._makers = makers or RegisteredMakers(settings)
        self._mcp = mcp
        self._settings = settings
        self._plan = plan
        self._stock = stock
        self._rate = rate
        self._includes = Includes()

    def open(
        self, agent: str | Mapping[str, Any], call_id: str, baton: Baton | None = None
    ) -> tuple[Talker, frozenset[str]]:
        """See `Talkers.open`."""
        inline = self._read(agent)
        spec = inline.spec
        if spec.brain[0].provider == ECHO:
            return EchoTalker(), frozenset()
        try:
            organs = self._organs(spec)
        except ProviderError as error:
            raise PlanError(str(error)) from error
        toolbox = self._stock.toolbox
        peers = {n: other.description for n, other in self._plan.agents.items()}
        name = agent if isinstance(agent, str) else ""
        standing = Standing(name, baton, peers, self._scribe(name, spec), notes=inline.notes)
        talker = VoiceAgent(
            spec,
            organs,
            toolbox.specs(spec.tools),
            standing=standing,
            sources=self._sources(spec),
        )
        return talker, toolbox.verbs(spec.tools)

    def sidecar(self, about: Mapping[str, Any], control: CallControl) -> ModelSidecar:
        """See `Sidecars`."""
        spec = agent_of(about, self._vocabulary).spec
        kit = Kit(self._rate, spec, None)
        minds = self._minds(spec.brain, kit, "sidecar")
        return ModelSidecar(spec.prompt or "", minds, self._sources(spec), control)

    def _read(self, agent: str | Mapping[str, Any]) -> InlineAgent:
        if isinstance(agent, str):
            try:
                return InlineAgent(self._plan.agents[agent])
            except KeyError:
                raise PlanError(f"there is no agent {agent!r} in {self._plan.name}") from None
        return agent_of(agent, self._vocabulary)

    @property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of(self._settings, LANGUAGE_MODELS)

    def _organs(self, spec: AgentSpec) -> Organs:
        kit = Kit(self._rate, spec, self._stock.embedded)
        organs = Organs(
            vad=self._stock.embedded.detector(self._rate),
            ears=self._candidates(self._makers.ears, spec.ears, kit),
            brain=self._candidates(self._makers.mind, spec.brain, kit),
            mouth=self._candidates(self._makers.mouth, spec.voice, kit),
        )
        return speaking_for_itself(organs)

    def _sources(self, spec: AgentSpec) -> list[ToolSource]:
        """What tells others of the talk, and brings it tools."""
        found: list[ToolSource] = []
        if spec.reports is not None:
            kit = Kit(self._rate, spec, None)
            refs = spec.reports.post_prompt.brain or spec.brain
            minds = self._minds(refs, kit, "report")
            found.append(Reporter(spec.reports, minds))
        if spec.swaig is not None:
            found.append(Natives(spec.swaig.native_functions, spec.local_tz))
            rules, own = rules_of(spec), self._includes
            found.append(SwaigSource(spec.swaig, run_document, rules=rules, includes=own))
        if spec.mcp_servers:
            # last: what others bring has its name first
            taken = {*VERBS, *self._stock.toolbox.names, *tools_of_its_own(spec)}
            found.append(McpSource(spec.mcp_servers, self._mcp, taken))
        return found

    def _scribe(self, name: str, spec: AgentSpec) -> Scribe | None:
        """Minds of its own: the talk's are closed with the talk."""
        if spec.summary is None:
            return None
        kit = Kit(self._rate, spec, None)
        minds = self._minds(spec.summary.brain or spec.brain, kit, "summary")
        return Scribe(name, spec.summary, minds, spec.memory)

    def _minds(
        self, refs: Sequence[ProviderRef], kit: Kit, purpose: Purpose
    ) -> tuple[Candidate[Any], ...]:
        """Minds beside the talk's, each made when it is needed."""
        make = partial(self._makers.mind, purpose=purpose)
        return tuple(self._later(make, ref, kit) for ref in refs)

    def _candidates(
        self,
        make: Callable[[ProviderRef, Kit], Any],
        refs: Sequence[ProviderRef],
        kit: Kit,
    ) -> tuple[Candidate[Any], ...]:
        """A lone provider is made now, so that the plan hears why it cannot be; those of a list
        when they are needed: then the next one stands in. Raises ProviderError.
        """
        if len(refs) == 1:
            return only(make(refs[0], kit), refs[0].provider, self._prices(refs[0]))
        return tuple(self._later(make, ref, kit) for ref in refs)

    def _later(
        self, make: Callable[[ProviderRef, Kit], Any], ref: ProviderRef, kit: Kit
    ) -> Candidate[Any]:
        return Candidate(ref.provider, partial(make, ref, kit), self._prices(ref))

    def _prices(self, ref: ProviderRef) -> Prices:
        configured = self._settings.providers.get(ref.provider)
        return configured.prices if configured else Prices()


def furnish(
    settings: Settings,
    plan: Plan,
    stock: Stock,
    dialer: Dialer,
    *,
    texts: Texts,
    meetings: Meetings,
    memory: Memory,
    others: OtherCalls,
    web: Web,
    mcp: McpServers,
    places: Places,
    rate: int,
    bundle: Path,
    makers: Makers | None = None,
    now: Callable[[], datetime] | None = None,
) -> Services:
    """The services of one call. `makers` and `now` stand for the registry and the clock, where a
    call is only rehearsed.
    """
    zone = ZoneInfo(settings.time_zone)
    files = Files.of(settings.store)
    makers = makers or RegisteredMakers(settings)
    talkers = PlanTalkers(settings, plan, stock, rate, mcp, makers=makers)
    return Services(
        dialer=dialer,
        texts=texts,
        expressions=JavaScript(),
        sounds=SoundLibrary(Path(plan.file).parent, _mouth, Fetcher(web)),
        hearing=EmbeddedHearing(
            stock.embedded.detector, stock.embedded.ears, OtherEars(settings, plan, makers)
        ),
        talkers=talkers,
        sidecars=talkers,
        models=HouseModels(settings, plan, rate, makers),
        detector=stock.embedded.detector,
        tap_wires=NetworkTaps(),
        writers=writers_into(files.create) if files.seals else WRITERS,
        now=now or (lambda: datetime.now(zone)),
        bundle=bundle,
        extensions=frozenset(settings.phones),
        places=places,
        meetings=meetings,
        memory=memory,
        others=others,
        web=web,
        documents=SwmlDocuments(settings.web.share_envs),
        model_log=_model_log(settings, bundle, files),
        privacy=strictest(filter(None, (plan.privacy, settings.privacy))),
    )


def _model_log(settings: Settings, bundle: Path, files: Files) -> ModelLog:
    wanted = settings.store.model_requests
    return ModelFile(bundle / MODELS, files=files) if wanted else NoModelLog()


def _mouth(rate: int, voice: str | None) -> EspeakMouth:
    """The mouth of `say:`. A voice unknown here (SWML says Polly.Salli) becomes the usual one."""
    try:
        return EspeakMouth(rate, voice) if voice else EspeakMouth(rate)
    except ProviderError:
        return EspeakMouth(rate)
