"""Live: scenarios over real SIP and RTP, against a gateway of their own on free ports."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import groupby
from pathlib import Path

import numpy as np

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Api, Listener, Settings, Sip, Store, Trunk
from sipagent.dialplan.routes import user_part
from sipagent.errors import LegFailed
from sipagent.events import CallEnded, CallStarted, Event
from sipagent.testing.bed.render import Rendered, render
from sipagent.testing.bed.scenario import Line
from sipagent.testing.call import PhoneCall
from sipagent.testing.pacer import keep_time
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server

from .evidence import Evidence
from .format import Interruption, Scenario, Step
from .live_parties import LiveParties, live_parties
from .playing import CallOver, Player, StepFailed
from .reaching import reached
from .reading import Case
from .results import Result
from .running import Progress
from .staging import dialled, routed
from .transcript import transcript

VOICE = "en-us+f2"
#: what a scenario may say that only a rehearsal can make so
_REHEARSED = ("at", "variables", "mind", "web", "tools", "memory", "headers", "trunk")
#: silence after which it is the caller's turn, and what they wait for an answer, seconds
_SILENT_MS, _ANSWER, _LONGEST = 700, 5.0, 30.0
_REPLY = 0.4
#: until the record of a call that is over is whole, seconds
_SETTLES = 20.0


def not_live(scenario: Scenario) -> str:
    """Why a scenario is not played live, or the empty string."""
    if not scenario.live:
        return "it says so"
    said = [name for name in _REHEARSED if name in scenario.model_fields_set]
    if said:
        return f"{', '.join(said)} can only be rehearsed"
    if any("@phones" in target for target in scenario.legs):
        return "phones of our own are not registered here"
    return ""


def run_live(
    cases: Sequence[Case],
    *,
    repeat: int = 1,
    progress: Progress = lambda result, done, of: None,
) -> list[Result]:
    """Play those that can be, one call at a time, in as much time as they take.

    Raises ConfigError for plans that a server would not load, SipAgentError where one does not
    start.
    """
    keep_time()
    orders = [case for case in cases if not not_live(case.scenario) for _ in range(repeat)]
    results: list[Result] = []

    def done(result: Result) -> None:
        results.append(result)
        progress(result, len(results), len(orders))

    for _, group in groupby(orders, lambda case: (case.file, id(case.settings))):
        asyncio.run(_file(list(group), done))
    return results


async def _file(cases: Sequence[Case], done: Callable[[Result], None]) -> None:
    counts: dict[str, int] = {}
    async with live_parties(cases[0].plan.document) as parties:
        with tempfile.TemporaryDirectory(prefix="sipagent-live-") as folder:
            settings = _settings(cases[0], Path(folder), parties)
            async with Gateway(settings, open_plans(settings)) as gateway:
                server = Server(gateway, Path(folder))
                for case in cases:
                    counts[case.name] = number = counts.get(case.name, 0) + 1
                    done(await _played(case, server, parties, number))


def _settings(case: Case, folder: Path, parties: LiveParties) -> Settings:
    """The case's own, on free ports, with its plan only, and with whoever is dialled beside us."""
    host, port = parties.phone.address
    everywhere = Trunk(host=host, port=port)
    own = case.settings
    return own.model_copy(
        update={
            "sip": Sip(
                listen=(Listener(port=0), Listener(transport="tcp", port=0)),
                nameservers=(parties.names.place,),
            ),
            "store": Store(
                database=f"sqlite+aiosqlite:///{folder}/calls.sqlite3", bundles=folder / "calls"
            ),
            "api": Api(),
            "webhooks": {},
            "state": None,
            "trunks": {"live": everywhere},
            "dialplans": (Path(case.plan.file),),
        }
    )


async def _played(case: Case, server: Server, parties: LiveParties, number: int) -> Result:
    began = time.perf_counter()
    parties.legs = case.scenario.legs
    async with _calling(case, server) as caller:
        player = Player(case, caller)
        failure = await player.play()
    failure = failure or player.settle()
    events = tuple(caller.evidence.events)
    return Result(
        name=case.scenario.name,
        file=case.file,
        line=case.line,
        plan=Path(case.plan.file),
        parts=(*player.parts, *player.left_out()),
        failure=failure,
        transcript=transcript(events),
        events=events,
        reached=reached(caller.evidence, routed(case)[0]),
        seconds=(events[-1].t - events[0].t) / 1000 if events else 0.0,
        took=time.perf_counter() - began,
        run=number,
        live=True,
    )


class LiveCaller:
    """See `playing.Caller`: a phone, and what the gateway puts on record of its call."""

    def __init__(self, call: PhoneCall, server: Server) -> None:
        self._call = call
        self._server = server
        self._events: list[Event] = []
        self.evidence = Evidence(self._events)
        self.acted = self.before = 0
        self._spoke = 0.0
        self._dice = np.random.default_rng(1)

    def happened(self, event: Event) -> None:
        """The gateway tells."""
        self._events.append(event)

    @property
    def over(self) -> bool:
        """True once the last event is there."""
        return any(isinstance(event, CallEnded) for event in self._events)

    async def do(self, step: Step) -> None:
        """See `Caller`."""
        if step.waits is not None:
            await self.until(lambda: False, step.waits)
            return
        if self._call.ended.done():
            raise CallOver("the call was over")
        try:
            await self._deed(step)
        except LegFailed as error:
            raise CallOver(f"the call was over: {error}") from error

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """See `Caller`."""
        with suppress(TimeoutError):
            await self._server.wait_for(lambda: condition() or self.over, seconds)
        return condition()

    async def _deed(self, step: Step) -> None:
        if step.interrupts is not None:
            await self._interrupt(step.interrupts)
        elif step.hangs_up:
            self._begin()
            await self._call.hangup()
            await self.until(lambda: False, _SETTLES)
        elif step.coughs:
            await self._utter(render(Line(sound="cough"), VOICE, self._dice))
        else:
            if not step.at_once:
                await self._turn()
            if step.says is not None:
                await self._utter(render(Line(say=step.says), VOICE, self._dice))
            elif step.presses is not None:
                await self._press(step.presses)
            elif step.writes is not None:
                self._begin()
                await self._call.send_request("MESSAGE", step.writes.encode())
                self._acted()

    async def _interrupt(self, one: Interruption) -> None:
        try:
            await self._call.wait_for_speech(_ANSWER * 3)
        except TimeoutError:
            raise StepFailed("nobody spoke to the caller") from None
        await asyncio.sleep(one.after_ms / 1000)
        if one.says:
            await self._utter(render(Line(say=one.says), VOICE, self._dice))
        elif one.presses:
            await self._press(one.presses)
        else:
            await self._utter(render(Line(sound="cough"), VOICE, self._dice))

    async def _utter(self, line: Rendered) -> None:
        self._begin()
        await self._call.play(line.pcm)
        self._acted()

    async def _press(self, keys: str) -> None:
        self._begin()
        await self._call.press(keys)
        self._acted()

    async def _turn(self) -> None:
        """Wait until what the caller did was answered, and the answer is over."""
        with _patience():
            await self._call.wait_for_speech(_ANSWER)
        with _patience():
            await self._call.wait_for_silence(_SILENT_MS, _LONGEST)
        await asyncio.sleep(_REPLY)
        if self._call.ended.done():
            raise CallOver("the call was over")

    def _begin(self) -> None:
        self.before = len(self._events)

    def _acted(self) -> None:
        """Now, on the call's media clock."""
        if self._events:
            last = self._events[-1]
            self.acted = last.t + round(1000 * (time.time() - last.at.timestamp()))


@contextmanager
def _patience() -> Iterator[None]:
    """Nothing of the kind came in time: the caller goes on."""
    with suppress(TimeoutError):
        yield


@asynccontextmanager
async def _calling(case: Case, server: Server) -> AsyncIterator[LiveCaller]:
    """The call, answered or refused; it is over, and its record whole, when the block is left."""
    async with Phone(user=user_part(case.scenario.caller) or "caller") as phone:
        call = await phone.dial(server.uri(dialled(case)))
        caller = LiveCaller(call, server)
        ours: list[str] = []

        def happened(event: Event) -> None:
            if isinstance(event, CallStarted) and event.sip_call_id == call.id:
                ours.append(event.call_id)
            if event.call_id in ours:
                caller.happened(event)

        server.gateway.ledger.listeners.append(happened)
        try:
            try:
                await call.wait_answered()
            except LegFailed as error:
                await caller.until(lambda: caller.over, 0.0 if ours else 0.5)
                if not ours:
                    _refused(caller, case, error)
            yield caller
        finally:
            if not call.ended.done():
                await call.hangup()
            await caller.until(lambda: caller.over, _SETTLES)
            server.gateway.ledger.listeners.remove(happened)


def _refused(caller: LiveCaller, case: Case, error: LegFailed) -> None:
    """No worker had the call: what its record would say."""
    ids = "refused"
    caller.happened(CallStarted(call_id=ids, caller=case.scenario.caller, callee=dialled(case)))
    route, why = routed(case)
    reason = error.reason if route is not None else f"no route takes it: {why}"
    caller.happened(CallEnded(call_id=ids, status=error.status, reason=reason, by="system"))
