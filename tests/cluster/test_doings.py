"""Verbs that another node asked for: stopped when nobody wants them any more."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sipagent.api.calls import Done, Principal
from sipagent.call.verb import Outcome
from sipagent.cluster import asks
from sipagent.cluster.serving import Doings
from sipagent.testing.virtual import virtual_time


class Calls:
    """Does verbs that take their time; keeps for whom, and what was stopped."""

    def __init__(self) -> None:
        self.who: list[Principal] = []
        self.stopped: list[str] = []

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        self.who.append(who)
        try:
            await asyncio.sleep(float(arguments["seconds"]))
        except asyncio.CancelledError:
            self.stopped.append(call_id)
            raise
        return Outcome(detail="done", data={"verb": verb})


def wish(call_id: str, node: str, seconds: float) -> asks.Do:
    who = asks.Who(by="api:desk", origin="192.0.2.1", verbs=frozenset({"say"}))
    return asks.Do(
        call_id=call_id, id=f"{node}-{call_id}", node=node, verb="say",
        arguments={"seconds": seconds}, who=who,
    )  # fmt: skip


@virtual_time
async def test_it_is_done_for_whoever_asked_with_what_they_may() -> None:
    calls = Calls()
    doings = Doings(calls)  # type: ignore[arg-type]
    assert await doings.do(wish("one", "b", 1)) == Done(
        ok=True, detail="done", data={"verb": "say"}
    )
    assert calls.who == [Principal("api:desk", "192.0.2.1", frozenset({"say"}))]


@virtual_time
async def test_what_is_revoked_is_stopped_and_nothing_else() -> None:
    calls = Calls()
    doings = Doings(calls)  # type: ignore[arg-type]
    one = asyncio.create_task(doings.do(wish("one", "b", 60)))
    two = asyncio.create_task(doings.do(wish("two", "b", 60)))
    await asyncio.sleep(1)
    doings.revoke(asks.Revoke(id="b-one"))
    doings.revoke(asks.Revoke(id="nobody's"))
    assert (await one).status == 487
    assert (await two).ok
    assert calls.stopped == ["one"]


@virtual_time
async def test_what_a_node_wanted_is_stopped_when_it_is_gone() -> None:
    calls = Calls()
    doings = Doings(calls)  # type: ignore[arg-type]
    theirs = [asyncio.create_task(doings.do(wish(c, "b", 60))) for c in ("one", "two")]
    other = asyncio.create_task(doings.do(wish("three", "c", 60)))
    await asyncio.sleep(1)
    doings.gone("b")
    assert [(await done).status for done in theirs] == [487, 487]
    assert (await other).ok
    assert calls.stopped == ["one", "two"]
