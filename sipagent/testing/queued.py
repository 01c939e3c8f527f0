"""Calls in a queue named support, and those who serve it, for tests on virtual time."""

import asyncio
from typing import Any

from sipagent.call.verb import Outcome
from sipagent.config import Queue
from sipagent.events import MeetingChanged

from .fakes import FakeCall
from .meeting import House, do

A, B, C = "sip:a@pbx.example", "sip:b@pbx.example", "sip:c@pbx.example"
Doing = asyncio.Future[Outcome]


def steps(call: FakeCall) -> list[str]:
    """What became of its places, but for where it stands."""
    return [e.change for e in call.all(MeetingChanged) if e.change != "standing"]


async def waiting(house: House, who: str, **more: Any) -> tuple[FakeCall, Doing]:
    """A caller who waits; `scripts` are those of the legs they dial, the rest is the verb's."""
    scripts = more.pop("scripts", None)
    call = house.call(who, scripts=scripts)
    work = do(call, "enter_queue", queue_name="support", **more)
    await asyncio.sleep(0.1)
    return call, work


def serving(house: House, who: str, **more: Any) -> tuple[FakeCall, Doing]:
    """Somebody who takes whoever is next."""
    call = house.call(who)
    return call, do(call, "serve_queue", queue_name="support", **more)


def house_of(strategy: str, *members: str, **more: Any) -> House:
    """A house whose queue rings these members."""
    return House({"support": Queue(members=members, strategy=strategy, **more)})  # type: ignore[arg-type]
