"""rehearse(): a real plan, with real agents, verbs and policy, as one call on a virtual clock."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sipagent.agent.protocols import Transcriber
from sipagent.agent.spec import ProviderRef
from sipagent.call.control import CallControl
from sipagent.call.identity import swml_call_id
from sipagent.call.others import NoOtherCalls
from sipagent.call.services import Memory, Services, Texts
from sipagent.call.session import CallSession
from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.events import CallStarted
from sipagent.providers.kit import Kit
from sipagent.tasks import stopped
from sipagent.testing.bridge import SimulatedBridge
from sipagent.testing.legs import FakeLeg
from sipagent.testing.meeting import House
from sipagent.testing.taps import FakeTapWires
from sipagent.tools.mcp.server import McpServers
from sipagent.tools.spec import ToolSpec
from sipagent.verbs.handing import Referee
from sipagent.worker.commands import Commands, Steered
from sipagent.worker.course import Course
from sipagent.worker.house import Stock, furnish
from sipagent.worker.places import ServerPlaces
from sipagent.worker.walking import walk

from .beside import NO_SHELF, Book, NoServers, SentTexts, toolbox_of
from .minds import Minds, no_minds
from .organs import KnowingModels, RehearsalMakers
from .parties import Parties, Party
from .record import Record
from .rehearsal import Rehearsal
from .web import ScriptedWeb

CALLER = "sip:caller@example.com"
#: a Monday, by the clock of the settings' zone
MORNING = datetime(2026, 1, 5, 10, 0)
_RATE = 8000
#: how long a call may take to end once its caller has left, seconds
_END = 60.0
_CALL_ID = "20260105-100000-rehearsal"


@dataclass(frozen=True, slots=True)
class Around:
    """What a rehearsed call finds in the world; see `rehearse`."""

    minds: Minds = no_minds
    ears: Callable[[ProviderRef, Kit], Transcriber] | None = None
    web: ScriptedWeb | None = None
    texts: Texts | None = None
    memory: Memory | None = None
    mcp: McpServers | None = None
    #: in place of the users' own tools of these names
    tools: Mapping[str, ToolSpec] = field(default_factory=dict)


@asynccontextmanager
async def rehearse(
    plan: Plan,
    settings: Settings | None = None,
    *,
    to: str = "100",
    caller: str = CALLER,
    at: datetime = MORNING,
    parties: Mapping[str, Party] | None = None,
    variables: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    why: str = "",
    bundle: Path | None = None,
    **around: Any,
) -> AsyncIterator[Rehearsal]:
    """A call to a plan that has just come in. To be used on a running VirtualLoop (`run_virtual`).

    All of the plan is real: its program, expressions, agents, verbs, policy, the voice detector
    and turn-taking. In place of the network stand `parties` (by target: how whoever is dialled
    behaves) and `around`, the fields of `Around`: `minds`, `web`, `texts`, `memory`, `mcp`,
    `tools`, and `ears` where they are not to know what is said. `at` is the time by the settings'
    zone. Recordings go to `bundle`, a folder that is thrown away where none is given.

    The call is over when the block is left. Raises ConfigError for tools that cannot be loaded, and
    at the end TimeoutError where the call goes on for a minute though its caller has left.
    """
    settings = settings or Settings()
    with tempfile.TemporaryDirectory(prefix="sipagent-rehearsal-") as scratch:
        stage = _Stage(settings, plan, at, bundle or Path(scratch), parties or {})
        leg = FakeLeg(
            stage.bridge.clock,
            remote=_uri(caller, "example.com"),
            local=_uri(to, "sipagent.example"),
            headers=headers,
        )
        voice = stage.parties.seat(leg)
        session = stage.session(leg, Around(**around), variables or {}, why)
        call = Rehearsal(session, leg, voice, stage.parties, stage.record)
        stage.bridge.start()
        running = asyncio.ensure_future(stage.run(session))
        try:
            yield call
        finally:
            leg.hang_up_remotely()
            try:
                async with asyncio.timeout(_END):
                    await running
            finally:
                await stopped(running)
                await stage.close()


class _Stage:
    """What one rehearsed call is made of."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        at: datetime,
        bundle: Path,
        parties: Mapping[str, Party],
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._bundle = bundle
        self.bridge = SimulatedBridge(_RATE)
        began = at.replace(tzinfo=at.tzinfo or ZoneInfo(settings.time_zone))
        self.record = Record(began, self.bridge.clock)
        self.parties = Parties(
            self.bridge.clock,
            parties,
            frozenset(settings.phones),
            on_referred=self.record.referred,
        )
        self._house = House(settings.queues, settings.parking)

    def session(
        self, leg: FakeLeg, around: Around, variables: Mapping[str, Any], why: str
    ) -> CallSession:
        """The call, whose plan does not run yet."""
        plan, settings = self._plan, self._settings
        web = around.web or ScriptedWeb()
        web.on_refused = lambda what: self.record.trouble(f"{what}: nothing under web: answers it")
        self.record.add(
            CallStarted(
                call_id=_CALL_ID,
                caller=leg.info.remote,
                callee=leg.info.local,
                plan=plan.name,
                why=why,
                swml_id=swml_call_id(_CALL_ID),
            )
        )
        session = CallSession(
            _CALL_ID,
            leg,
            self.bridge,
            self._services(leg, around, web),
            self.record.add,
            program=plan.program,
            variables={
                "call": _told(leg),
                "envs": dict(settings.envs),
                "vars": dict(variables),
            },
        )
        web.tell = session.emit
        return session

    def _services(self, leg: FakeLeg, around: Around, web: ScriptedWeb) -> Services:
        settings, plan = self._settings, self._plan
        models = KnowingModels(self.parties.voices)
        makers = RehearsalMakers(
            settings, plan, models, around.minds, around.ears, told=self.record
        )
        services = furnish(
            settings,
            plan,
            Stock(models, toolbox_of(settings, around.tools), NO_SHELF),
            self.parties,
            texts=around.texts or SentTexts(),
            meetings=self._house.door(),
            memory=around.memory or Book({}),
            others=NoOtherCalls(),
            web=web,
            mcp=around.mcp or NoServers(),
            places=ServerPlaces(settings, None, leg.info.remote),
            rate=_RATE,
            bundle=self._bundle,
            makers=makers,
            now=self.record.now,
        )
        return replace(services, tap_wires=FakeTapWires())

    async def run(self, session: CallSession) -> None:
        """The plan, to the call's last event."""
        policies = [self._plan.policy, *self._settings.policies]
        session.referee = Referee(session, policies).refer
        course = Course(CallControl(session, policies, by="dialplan"))
        commands = Commands(lambda commanded: None)
        commands.open(Steered(session, course, [*policies, *self._settings.api_policies]))
        nobody: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        limit = self._settings.limits.call_seconds
        await walk(session, course, commands, nobody, limit=limit)

    async def close(self) -> None:
        """Stand still."""
        await self.parties.close()
        await self._house.close()
        self.bridge.stop()


def _told(leg: FakeLeg) -> dict[str, Any]:
    """The `call` object of expressions."""
    return {
        "call_id": swml_call_id(_CALL_ID),
        "id": _CALL_ID,
        "from": leg.info.remote,
        "to": leg.info.local,
        "direction": "inbound",
        "type": "sip",
        "headers": dict(leg.info.headers),
        "sip_call_id": leg.info.sip_call_id,
    }


def _uri(who: str, host: str) -> str:
    """A number as somebody at a host; an address as it is."""
    if ":" in who:
        return who
    return f"sip:{who}" if "@" in who else f"sip:{who}@{host}"
