"""The real stage: a server in its own process, callers over SIP and RTP, echo mixed live."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sipagent.errors import LegFailed
from sipagent.events import Event
from sipagent.store.bundle import read_bundle
from sipagent.testing.bench.server import BenchFailed, Server, serving
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone

from .caller import AgentSilent, Caller
from .entry import install
from .knowing import Known
from .outcome import Outcome
from .prompter import Prompter, now_ms, prompting
from .real_wire import RealWire
from .scenario import Scenario
from .trial import judge

#: the server writes its bundles after the calls: seconds
_BUNDLE_WAIT = 30.0
_LOOK = 0.1
#: the scenario that is over, and seconds of its call
Done = Callable[[Scenario, float], None]


@dataclass(frozen=True, slots=True)
class Tried:
    """The agent under test: keys of a plan's agent. `own`: with the ears, mind and mouth it names,
    else with the bed's.
    """

    keys: Mapping[str, Any]
    own: bool = False


@dataclass(frozen=True, slots=True)
class Booking:
    """A call to be made: who calls whom."""

    agent: Tried
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Played:
    """A call that is over, not yet judged: that takes time, which callers who still talk need."""

    booking: Booking
    caller: Caller
    wire: RealWire
    call: PhoneCall
    seconds: float
    broken: str


@dataclass(frozen=True, slots=True)
class RealBed:
    """A server under test, who tells its ears what is said, and the calls that are to be made."""

    server: Server
    prompter: Prompter
    bookings: Sequence[Booking]

    async def play(
        self, number: int, *, keep_seconds: float = 3600.0, seconds: float | None = None
    ) -> Played:
        """The `number`th call, of so many `seconds` at most; of its audio the last `keep_seconds`
        are kept. Raises LegFailed, ConfigError.
        """
        booking = self.bookings[number]
        scenario = booking.scenario
        known = self.prompter.callers[str(number)] = Known(scenario.partial_ms)
        async with Phone(user=f"bed{number}", keep_seconds=keep_seconds) as phone:
            call = await phone.dial(self.server.uri(f"bed{number}"))
            await call.wait_answered()
            wire = RealWire(call, known, scenario)
            caller, broken, began = Caller(scenario, wire), "", now_ms()
            try:
                async with asyncio.timeout(seconds):
                    await caller.run()
            except (AgentSilent, LegFailed) as error:
                broken = str(error)
            except TimeoutError:
                pass
            finally:
                await wire.close()
            if not call.ended.done():
                await call.hangup()
            return Played(booking, caller, wire, call, (now_ms() - began) / 1000, broken)

    async def judged(self, calls: Sequence[Played]) -> list[Outcome]:
        """What calls came to, once all are over. Raises BenchFailed where one left no bundle."""
        return [_outcome(played, await self._events(played.call.id)) for played in calls]

    async def _events(self, sip_call_id: str) -> tuple[Event, ...]:
        read: set[Path] = set()
        for _ in range(int(_BUNDLE_WAIT / _LOOK)):
            for file in set(self.server.folder.glob("calls/*/call.json")) - read:
                read.add(file)
                if sip_call_id in file.read_text():
                    return read_bundle(file.parent).events
            await asyncio.sleep(_LOOK)
        raise BenchFailed(f"the call {sip_call_id} left no bundle")


@asynccontextmanager
async def real_bed(
    folder: Path, bookings: Sequence[Booking], *, record: bool = False
) -> AsyncIterator[RealBed]:
    """A server with a plan for each call that is booked. Raises BenchFailed."""
    install(folder / "packages")
    paths = [str(folder / "packages"), os.environ.get("PYTHONPATH", "")]
    async with prompting() as prompter:
        plans = {
            f"bed{number}": _plan(booking, number, prompter.port, record=record)
            for number, booking in enumerate(bookings)
        }
        async with serving(
            folder,
            calls=2 * len(plans) + 10,
            plans=plans,
            settings={"media": {"clock_rate": 8000}},
            environment={"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        ) as server:
            yield RealBed(server, prompter, bookings)


async def play_all(
    folder: Path,
    bookings: Sequence[Booking],
    *,
    at_once: int,
    done: Done = lambda scenario, seconds: None,
) -> list[Outcome]:
    """Every call that is booked, `at_once` at a time. Raises BenchFailed."""
    room = asyncio.Semaphore(at_once)

    async def one(bed: RealBed, number: int) -> Played:
        async with room:
            played = await bed.play(number)
            done(played.booking.scenario, played.seconds)
            return played

    async with real_bed(folder, bookings) as bed:
        calls = await asyncio.gather(*(one(bed, number) for number in range(len(bookings))))
        return await bed.judged(calls)


def _plan(booking: Booking, number: int, port: int, *, record: bool) -> str:
    keys = dict(booking.agent.keys)
    if not booking.agent.own:
        keys |= _organs(booking.scenario, number, port)
    steps: list[Any] = ["answer", {"ai": {"agent": "bed"}}, "hangup"]
    if record:
        steps.insert(1, {"record_call": {"stereo": True}})
    return json.dumps(
        {
            "routes": [{"to": f"bed{number}"}],
            "agents": {"bed": keys},
            "sections": {"main": steps},
        }
    )


def _organs(scenario: Scenario, number: int, port: int) -> dict[str, Any]:
    organs: dict[str, Any] = {
        "ears": {"provider": "bed", "port": port, "caller": str(number)},
        "brain": {
            "provider": "bed",
            "says": scenario.says or "Yes.",
            "awaits": scenario.awaits,
        },
        "voice": {"provider": "bed"},
    }
    return {**organs, "greeting": scenario.says} if scenario.over else organs


def _outcome(played: Played, events: tuple[Event, ...]) -> Outcome:
    """Judge a call's lines once its events are known: those carry the wall clock, the wire has its
    own. Samples are not compared: the way through codec and bridge changes them a little.
    """
    wall = _wall_offset()
    trials = tuple(
        judge(
            window,
            played.wire.agent,
            [e for e in events if window.marks[0] <= _at(e, wall) < window.marks[1]],
            None,
            real_time=True,
            exact=not played.booking.agent.own,
        )
        for window in played.caller.windows
    )
    return Outcome(played.booking.scenario, trials, events, played.seconds, played.broken)


def _wall_offset() -> float:
    """What brings wall-clock ms to `perf_counter` ms."""
    return now_ms() - 1000 * time.time()


def _at(event: Event, wall: float) -> float:
    return 1000 * event.at.timestamp() + wall
