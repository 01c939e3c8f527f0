"""Run: a call on record once more, as a rehearsal, and what came of it beside what came then."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from sipagent.call.privacy import strictest
from sipagent.call.redaction.rules import Rule
from sipagent.config import Provider, Settings
from sipagent.dialplan.load import plan_of
from sipagent.dialplan.model import Plan
from sipagent.errors import ConfigError, ProviderError
from sipagent.events import DigitReceived, Event
from sipagent.providers.registry import resolve
from sipagent.store.bundle import picture
from sipagent.store.exchanges import ModelRecord
from sipagent.store.models import MODELS
from sipagent.testing.rehearsal import Wanted, rehearse
from sipagent.testing.rehearsal.voices import KnowingEars, Voice
from sipagent.testing.virtual import run_virtual

from .caller import Caller
from .compare import Comparison, compare
from .minds import MakeLive, RecordedMinds
from .parties import parties_of
from .requests import Differing
from .side import Deed, deeds_of
from .source import NotReplayable, Taken
from .tools import RecordedTools
from .web import recorded_web

#: seconds of virtual time for a whole call
_LIMIT = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How a call is to be run again. `plan` is None for the one it had, `agent` one of the plan's
    that takes the call alone, `live` makes real minds for what is not on record; `as_timed`: the
    caller waits for nobody.
    """

    plan: Plan | None = None
    agent: str = ""
    live: MakeLive | None = None
    as_timed: bool = False


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. `requests` are those to models that were not as on record, `notes` what
    could not be as it was. `pictures` are both timelines (SVG), the record's first.
    """

    call_id: str
    plan: str
    before: tuple[Event, ...]
    after: tuple[Event, ...]
    comparison: Comparison
    requests: tuple[Differing, ...]
    notes: tuple[str, ...]
    pictures: tuple[str, str]

    @property
    def same(self) -> bool:
        """Was everything decided, said and asked as then?"""
        return not self.comparison.differences and not self.requests


@dataclass(slots=True)
class _Stage:
    taken: Taken
    settings: Settings
    plan: Plan
    wish: Wish
    minds: RecordedMinds
    tools: RecordedTools
    deeds: list[Deed]
    notes: list[str] = field(default_factory=list)


def replay(taken: Taken, settings: Settings, wish: Wish | None = None) -> Replayed:
    """Run it. Raises NotReplayable, and ConfigError for a plan that is not sound here."""
    stage = _staged(taken, settings, wish or Wish())
    with TemporaryDirectory(prefix="sipagent-replay-") as folder:
        events = run_virtual(_run(stage, Path(folder)), limit=_LIMIT)
        pictures = (picture(None, taken.events), picture(Path(folder), events))
    notes = [*stage.notes, *stage.tools.notes, *_models_missing(stage)]
    return Replayed(
        taken.call_id,
        stage.plan.name,
        taken.events,
        tuple(events),
        compare(taken.events, events),
        tuple(stage.minds.differing),
        tuple(dict.fromkeys(notes)),
        pictures,
    )


def _staged(taken: Taken, settings: Settings, wish: Wish) -> _Stage:
    if taken.started.direction == "outbound":
        raise NotReplayable("a call that was made from here cannot be replayed yet")
    plan = _plan(taken, wish)
    notes: list[str] = []
    deeds = deeds_of(taken.events)
    if taken.sound is None and any(deed.takes_time for deed in deeds):
        notes.append("there is no stereo WAV on record: a voice says the caller's words")
    if hidden := sum(deed.hidden for deed in deeds):
        notes.append(f"{hidden} keys were hidden from the record: 0 is pressed for each")
    if any(isinstance(e, DigitReceived) and not e.digit and not e.hidden for e in taken.events):
        notes.append("keys are redacted on record")
    if wish.live is None:
        settings = _with_recorded_providers(settings, plan, notes)
    settings = settings.model_copy(
        update={"store": settings.store.model_copy(update={"model_requests": False})}
    )
    minds = RecordedMinds(
        taken.models or ModelRecord(), _rules(plan, settings), _models(settings), wish.live
    )
    tools = RecordedTools(taken.events)
    return _Stage(taken, settings, plan, wish, minds, tools, deeds, notes)


async def _run(stage: _Stage, folder: Path) -> list[Event]:
    taken = stage.taken
    started = taken.started
    parties, odd = parties_of(taken.events)
    stage.notes += odd
    zone = ZoneInfo(stage.settings.time_zone)
    ears = _Ears()
    async with rehearse(
        stage.plan,
        stage.settings,
        to=started.callee,
        caller=started.caller,
        at=(started.at - timedelta(milliseconds=started.t)).astimezone(zone),
        parties=parties,
        headers=taken.began.headers if taken.began is not None else {},
        why="replayed",
        bundle=folder,
        minds=stage.minds,
        ears=lambda ref, kit: ears.made(),
        tools=stage.tools.of(stage.settings),
        web=recorded_web(taken),
    ) as call:
        caller = Caller(call, taken.sound, as_timed=stage.wish.as_timed)
        # the plan has not begun yet
        ears.voices, ears.withholds = call.parties.voices, caller.withholds
        await caller.run(stage.deeds, taken.events)
        stage.notes += [*caller.notes, *call.record.troubles]
        return call.events


@dataclass(slots=True)
class _Ears:
    """Ears that have their guesses when those of the record had them; of a call that is to come."""

    voices: Sequence[Voice] = ()
    withholds: Callable[[int], bool] = lambda t: False

    def made(self) -> KnowingEars:
        return KnowingEars(self.voices, self.withholds)


def _models_missing(stage: _Stage) -> Iterator[str]:
    """What there should be of models, of which one was asked now, and is not."""
    record = stage.taken.models
    if stage.minds.wanted and record is None:
        yield f"what models answered ({MODELS}) is not on record"
    elif record is not None and record.left_out:
        yield f"{record.left_out} lines of {MODELS} had no room: not all answers are on record"


def _plan(taken: Taken, wish: Wish) -> Plan:
    plan = wish.plan
    if plan is None:
        if taken.began is None:
            raise NotReplayable("the plan of this call is not on record: name one with --plan")
        plan = plan_of(taken.began.document, taken.began.name, taken.began.file)
    return only_agent(plan, wish.agent) if wish.agent else plan


def only_agent(plan: Plan, agent: str) -> Plan:
    """The plan with nothing in it but that agent. Raises NotReplayable for one it has not."""
    if agent not in plan.agents:
        known = ", ".join(plan.agents) or "none"
        raise NotReplayable(f"{plan.name} has no agent {agent!r}; its agents: {known}")
    sections: Mapping[str, Any] = {
        **plan.document.get("sections", {}),
        "main": ["answer", {"ai": {"agent": agent}}, "hangup"],
    }
    return plan_of({**plan.document, "sections": sections}, plan.name, plan.file)


def _with_recorded_providers(settings: Settings, plan: Plan, notes: list[str]) -> Settings:
    """A record is replayed where its models are not configured: nobody asks them."""
    known = dict(settings.providers)
    for spec in plan.agents.values():
        for ref in (*spec.brain, *spec.ears, *spec.voice):
            try:
                resolve(ref, settings)
            except ProviderError:
                known[ref.provider] = Provider(kind="openai")
                notes.append(f"the provider {ref.provider} is not configured here")
    return settings.model_copy(update={"providers": known})


def _rules(plan: Plan, settings: Settings) -> tuple[Rule, ...]:
    return strictest(filter(None, (plan.privacy, settings.privacy))).redact


def _models(settings: Settings) -> Callable[[Wanted], str]:
    def model(wanted: Wanted) -> str:
        try:
            _, options = resolve(wanted.ref, settings)
        except (ProviderError, ConfigError):
            return ""
        return str(options.get("model", ""))

    return model
