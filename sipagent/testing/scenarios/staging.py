"""Staging: a scenario as a rehearsed call."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sipagent.agent.protocols import Brain
from sipagent.call.control import CallControl
from sipagent.dialplan.routes import Asked, Match, Score, match
from sipagent.events import CallEnded, CallStarted
from sipagent.testing.rehearsal import (
    Answer,
    CallOver,
    Deed,
    Minds,
    MindScript,
    Party,
    Rehearsal,
    ScriptedMind,
    ScriptedWeb,
    Wanted,
    rehearse,
)
from sipagent.testing.rehearsal.beside import Book, SentTexts
from sipagent.testing.rehearsal.minds import phrases_of
from sipagent.testing.rehearsal.rehearse import MORNING
from sipagent.testing.rehearsal.web import Answer as WebAnswer
from sipagent.tools.spec import ToolResult, ToolSpec

from . import format as written
from .cassette import Cassette, read_tape
from .evidence import Evidence
from .playing import CallOver as Over
from .playing import StepFailed
from .reading import Case


class StagedCaller:
    """See `playing.Caller`: the caller of a rehearsal."""

    def __init__(self, call: Rehearsal, texts: SentTexts) -> None:
        self._call = call
        record = call.record
        self.evidence = Evidence(
            call.events,
            call.variables,
            record.referrals,
            record.agents,
            record.intents,
            texts.sent,
        )

    @property
    def acted(self) -> int:
        """See `Caller`."""
        return self._call.acted

    @property
    def before(self) -> int:
        """See `Caller`."""
        return self._call.before

    async def do(self, step: written.Step) -> None:
        """See `Caller`."""
        call = self._call
        try:
            if step.says is not None:
                await call.says(step.says, over=step.at_once)
            elif step.presses is not None:
                await call.presses(step.presses, over=step.at_once)
            elif step.interrupts is not None:
                await self._interrupt(step.interrupts)
            elif step.waits is not None:
                await call.waits(step.waits)
            elif step.coughs:
                await call.coughs()
            elif step.writes is not None:
                await call.writes(step.writes)
            else:
                await call.hangs_up()
        except CallOver as error:
            raise Over(str(error)) from error

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """See `Caller`."""
        await self._call.until(lambda: condition() or self._call.over, seconds)
        return condition()

    async def _interrupt(self, one: written.Interruption) -> None:
        if not await self._call.until_spoken_to(one.after_ms):
            raise StepFailed(f"nobody spoke to the caller for {one.after_ms} ms")
        if one.says:
            await self._call.says(one.says, over=True)
        elif one.presses:
            await self._call.presses(one.presses, over=True)
        else:
            await self._call.coughs(over=True)


class RefusedCaller:
    """See `playing.Caller`: a caller whom no route took, and who got 404."""

    def __init__(self, case: Case, why: str) -> None:
        scenario = case.scenario
        reason = f"no route takes it: {why}"
        self.evidence = Evidence(
            [
                CallStarted(call_id="refused", caller=scenario.caller, callee=dialled(case)),
                CallEnded(call_id="refused", status=404, reason=reason, by="system"),
            ],
            {},
        )
        self.acted = self.before = 0
        self._why = why

    async def do(self, step: written.Step) -> None:
        """See `Caller`. Raises CallOver."""
        if step.waits is None:
            raise Over(f"the caller got 404: {self._why}")

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """See `Caller`."""
        return condition()


def dialled(case: Case) -> str:
    """The number that is called."""
    if case.scenario.dial:
        return case.scenario.dial
    plain = (to for route in case.plan.routes for to in route.to if "*" not in to and "X" not in to)
    return next(plain, "100")


def routed(case: Case) -> tuple[int | None, str]:
    """The number of the route that takes the call, and why; None where none does."""
    routes = case.plan.routes
    if not routes:
        return -1, "it has no routes: it takes what no other plan takes"
    scenario = case.scenario
    asked = Asked(dialled(case), scenario.caller, moment(case), scenario.headers, scenario.trunk)
    found: list[Match] = [match(route, asked) for route in routes]
    good = [number for number, one in enumerate(found) if one.score is not None]
    if not good:
        return None, "; ".join(one.why for one in found)
    best = max(good, key=lambda number: found[number].score or Score())
    return best, found[best].why


def moment(case: Case) -> datetime:
    """When the call comes, by the settings' zone."""
    at = case.scenario.at or MORNING
    return at.replace(tzinfo=at.tzinfo or ZoneInfo(case.settings.time_zone))


class Staging:
    """What a scenario says of the world, as a rehearsal takes it. `troubles` is what had no answer
    in it.
    """

    def __init__(self, case: Case, minds: Minds | None = None) -> None:
        """`minds` stand in place of what the scenario says. Raises ConfigError where its cassette
        is not one.
        """
        self.texts = SentTexts()
        self._case = case
        self._cassette = None
        if minds is None and case.cassette is not None:
            minds = self._cassette = Cassette(read_tape(case.cassette))
        self._own_minds = minds
        self._scripts: dict[str, MindScript] = {}
        self._troubles: list[str] = []

    @property
    def troubles(self) -> Sequence[str]:
        """Each in a sentence."""
        unanswered = [text for script in self._scripts.values() for text in script.unanswered]
        return [
            *self._troubles,
            *(f"no answer under mind: was left to {text!r}" for text in unanswered),
            *(self._cassette.unknown if self._cassette is not None else ()),
        ]

    @asynccontextmanager
    async def call(self, why: str) -> AsyncIterator[StagedCaller]:
        """The call; it is over when the block is left."""
        case, scenario = self._case, self._case.scenario
        async with rehearse(
            case.plan,
            case.settings,
            to=dialled(case),
            caller=scenario.caller,
            at=moment(case),
            parties={target: _party(leg) for target, leg in scenario.legs.items()},
            variables=scenario.variables,
            headers=scenario.headers,
            why=why,
            minds=self._own_minds or self._mind,
            web=ScriptedWeb({u: tuple(map(_web, r)) for u, r in scenario.web.items()}),
            texts=self.texts,
            memory=Book(dict(scenario.memory)),
            tools={name: _tool(name, reply) for name, reply in scenario.tools.items()},
        ) as call:
            self._troubles = call.record.troubles
            yield StagedCaller(call, self.texts)

    def _mind(self, wanted: Wanted) -> Brain | None:
        script = self._case.scenario.mind
        own = script.agents.get(wanted.agent if wanted.purpose == "talk" else wanted.purpose)
        if own is None and (wanted.embedded or not (script.answers or script.agents)):
            return None
        name = "" if own is None else wanted.agent
        answers = script.answers if own is None else own
        if name not in self._scripts:
            self._scripts[name] = MindScript([_answer(one) for one in answers])
        return ScriptedMind(self._scripts[name], phrases_of(wanted.spec))


def _answer(one: written.Answer) -> Answer:
    calls = tuple((name, arguments or {}) for name, arguments in one.calls.items())
    return Answer(one.says, calls, one.when, one.fails, one.takes, one.awaits)


def _party(leg: written.LegScript) -> Party:
    deeds: list[Deed] = []
    pause = 0.5
    for act in leg.then:
        if act.waits:
            pause += act.waits
            continue
        deeds.append(Deed(act.says, act.presses, act.hangs_up, pause))
        pause = 0.5
    return Party(leg.rings_after, leg.answers_after, leg.status, deeds)


def _web(reply: written.Reply) -> WebAnswer:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    if reply.text is not None:
        return WebAnswer(reply.status, reply.text.encode(), headers, reply.takes, reply.fails)
    body = b"" if reply.json_ is None else json.dumps(reply.json_).encode()
    kind = {"content-type": "application/json"} if body else {}
    return WebAnswer(reply.status, body, {**kind, **headers}, reply.takes, reply.fails)


def _tool(name: str, reply: written.ToolReply) -> ToolSpec:
    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        await asyncio.sleep(reply.takes)
        return ToolResult(reply.fails or reply.result, ok=not reply.fails)

    return ToolSpec(name, f"{name}, as a scenario says", {"type": "object"}, invoke)
