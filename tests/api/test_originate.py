"""Calls that somebody outside wants made: to real phones, by real workers."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from sipagent.events import CallEnded, CallStarted, LegChanged, PolicyDecided, Said
from sipagent.testing.phone import Phone, refuse_with, ring_for_ever
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import the
from sipagent.worker.outgoing import entry
from sipagent.worker.protocol import Outset

from .door import FEW, Tokens, client

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "This is Rossi."
    silence_seconds: 600
    intents: {hours: {phrases: ["when are you open"], say: "Now."}}
sections:
  main: [answer, hangup]
  reminder: [{play: "say:%{vars.what}"}, hangup]
"""
POLICY = {"destinations": ["sip:bob@127.0.0.1:*", "tel:+44*", "+44*"]}


async def originated(http: httpx.AsyncClient, **wish: Any) -> str:
    """The id of a call that was begun."""
    answer = await http.post("/v1/calls", json=wish)
    assert answer.status_code == 201, answer.text
    assert answer.json()["direction"] == "outbound"
    return str(answer.json()["call_id"])


async def how_it_ended(server: Server, call_id: str) -> CallEnded:
    ended: CallEnded = await the(server, CallEnded, call_id=call_id)
    return ended


@pytest.mark.slow
async def test_who_may_be_called_is_called_and_talks_with_an_agent(tmp_path: Path) -> None:
    tokens = Tokens(policy=POLICY)
    async with (
        Phone(user="bob") as bob,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server,
        client(server, tokens.of["admin"]) as http,
        client(server, tokens.of["operator"]) as operator,
    ):
        call_id = await originated(http, to=bob.uri, agent="desk", caller_id="+44201234567")
        said: Said = await the(server, Said, text="This is Rossi.")
        assert said.call_id == call_id
        assert "+44201234567" in bob.calls[0].remote
        hang_up = await http.post(f"/v1/calls/{call_id}/verbs/hangup", json={})
        assert hang_up.json()["ok"]
        await bob.calls[0].wait_ended()
        await how_it_ended(server, call_id)

        # a section of the plan, with variables; whoever is called hangs up
        second = await originated(
            http, to=bob.uri, section="reminder", variables={"what": "a" * 400}
        )
        await the(server, LegChanged, call_id=second, state="confirmed")
        await bob.calls[1].hangup()
        assert (await how_it_ended(server, second)).by == "caller"

        bob.on_call = refuse_with(486)
        third = await originated(http, to=bob.uri)
        busy = await how_it_ended(server, third)
        assert (busy.status, busy.reason) == (486, "486 Busy Here: bob is busy")

        bob.on_call = ring_for_ever
        fourth = await originated(http, to=bob.uri, timeout=0.5)
        silent = await how_it_ended(server, fourth)
        assert (silent.status, silent.reason) == (408, "408 Request Timeout: bob did not answer")

        # a number no trunk takes never begins, and is on record all the same
        fifth = await originated(http, to="+442012345678")
        nowhere = await how_it_ended(server, fifth)
        assert (nowhere.status, nowhere.reason) == (404, "404 no trunk takes +442012345678")
        started = [e for e in server.events if isinstance(e, CallStarted)]
        assert {(e.direction, e.why) for e in started} == {("outbound", "originated by api:admin")}
        await server.idle()
        record = await server.gateway.store.call(third)
        assert record is not None
        assert (record.direction, record.status) == ("outbound", 486)
        decided = [e for e in server.events if isinstance(e, PolicyDecided)]
        assert all(e.by == "api:admin" and e.allowed for e in decided)
        await _nobody_who_may_not_be_called_is(server, http, operator)


async def _nobody_who_may_not_be_called_is(
    server: Server, http: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    before = sum(isinstance(event, CallStarted) for event in server.events)

    async def refused(status: int, **wish: Any) -> str:
        answer = await http.post("/v1/calls", json=wish)
        assert answer.status_code == status
        return str(answer.json()["detail"])

    assert "not an allowed destination" in await refused(403, to="sip:eve@evil.example")
    # toll rules hold for everybody
    assert "premium" in await refused(403, to="+449098790879")
    assert "name one of the plans: plan" in await refused(422, to="+4420", plan="x")
    assert "the agents of plan are desk" in await refused(422, to="+4420", agent="x")
    assert "plan are main, reminder" in await refused(422, to="+4420", section="x")
    answer = await operator.post("/v1/calls", json={"to": "+442012345678"})
    assert answer.status_code == 403
    assert "no scope calls:originate" in answer.json()["detail"]
    server.gateway.reception.workers = None
    assert "no worker is free" in await refused(503, to="sip:bob@127.0.0.1:9")
    assert sum(isinstance(event, CallStarted) for event in server.events) == before


def test_a_call_that_goes_out_may_first_find_out_who_answered() -> None:
    plain = Outset(to="sip:bob@x", by="api:x", section="reminder")
    assert entry(plain, {}) == ({}, "reminder")
    program, section = entry(plain.model_copy(update={"detect_machine": True}), {})
    steps = [(step.verb.name, dict(step.arguments)) for step in program[section]]
    assert steps == [("detect_machine", {}), ("transfer", {"dest": "reminder"})]
    program, section = entry(plain.model_copy(update={"agent": "desk"}), {})
    assert [step.verb.name for step in program[section]] == ["ai", "hangup"]
