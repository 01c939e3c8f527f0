"""A gateway that is killed under live calls, and comes back."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import structlog

from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.events import CallEnded, CallStarted, LegChanged, RecordingStarted
from sipagent.store.bundle import Bundle
from sipagent.testing.audio import speech_like
from sipagent.testing.call import PhoneCall
from sipagent.testing.mortal import MortalServer, until
from sipagent.testing.phone import Phone
from sipagent.testing.pitch import assert_all_hear_the_others
from sipagent.testing.program import run_program

ECHO = """
routes: [{to: "100"}]
agents:
  echo: {brain: {provider: echo}}
sections:
  main: [answer, {record_call: {control_id: call, stereo: true}}, {ai: {agent: echo}}]
"""
KEY = """
routes: [{to: "200"}]
sections:
  main:
    - answer
    - record_call: {control_id: call, stereo: true}
    - prompt: {play: "ring:600:us", max_digits: 1, initial_timeout: 100}
    - hangup
"""
WAIT = """
routes: [{to: "300"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
"""
RING = """
routes: [{to: "400"}]
sections:
  main: [{sleep: {duration: 600000}}]
"""
MEET = """
routes: [{to: "600"}]
policy: {destinations: ["conference:team"]}
sections:
  main: [answer, {join_conference: {name: team, beep: false}}]
"""
log = structlog.get_logger(__name__)
LATE = """
routes: [{to: "500"}]
sections:
  main: [{sleep: {duration: 9000}}, answer, {sleep: {duration: 200}}, hangup]
"""
#: a busy machine takes its time to start a server, and more to start several at once
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("processes")]
CALLS = 20
LIMITS = {"claim_seconds": 30, "calls": 40, "warm": 2, "calls_per_second": 100, "drain_seconds": 0}
WARM = {**LIMITS, "warm": CALLS}


def gap(call: PhoneCall, since: float) -> float:
    """The longest time the phone heard nothing, seconds."""
    times = [packet.at for packet in call.received if packet.at >= since]
    assert len(times) > 50
    return max(after - before for before, after in pairwise(times))


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.rfc("3261", "dialogs, and requests in them, through a restart of the gateway")
async def test_twenty_talking_calls_survive_two_kills_of_the_gateway(tmp_path: Path) -> None:
    plans = {"echo": ECHO, "key": KEY}
    async with MortalServer(tmp_path, plans, limits=WARM) as server, Phone(user="many") as phone:
        calls = [await phone.dial(server.uri("100" if n % 2 else "200")) for n in range(CALLS)]
        await asyncio.gather(*(call.wait_answered() for call in calls))
        talking = [asyncio.ensure_future(call.play(_tone(300))) for call in calls]
        await asyncio.gather(*(call.wait_for_speech(60) for call in calls))
        await asyncio.sleep(1.0)
        away: list[float] = []
        since = asyncio.get_running_loop().time()  # perf_counter's clock, too
        for _ in range(2):
            began = asyncio.get_running_loop().time()
            await server.kill()
            await asyncio.sleep(0.5)
            await server.start()
            away.append(asyncio.get_running_loop().time() - began)
            await server.logged("worker_returned", CALLS)
        gaps = sorted(round(1000 * gap(call, since)) for call in calls)
        log.info("survived", away=away, longest_silence_ms=gaps)
        # what there is comes from a machine that is busy, not from a gateway that is not there
        assert gaps[-1] < 1000 * min(away)
        assert all(call.state is LegState.CONFIRMED for call in calls)
        await asyncio.gather(*(call.hold() for call in calls))
        await asyncio.gather(*(call.resume() for call in calls))
        again = asyncio.get_running_loop().time()
        await asyncio.sleep(1.0)
        assert all(call.rms_since(again) > 100 for n, call in enumerate(calls) if n % 2)
        for talk in talking:
            talk.cancel()
        for call in calls:
            call.stop_playing()
        await asyncio.gather(*(_end(call, by_key=n % 2 == 0) for n, call in enumerate(calls)))
        bundles = await server.bundles(CALLS)
        await until(lambda: not server.journal())
        for bundle in bundles:
            _is_whole(bundle.cdr.call_id, server, bundle)
        records = server.records()
        assert sorted(r.ended_by or "" for r in records) == ["caller"] * 10 + ["plan"] * 10
        assert {r.status for r in records} == {200}
        assert len({r.call_id for r in records}) == len(records) == CALLS
        server.signal(15)
        assert await server.exited() == 0
        await server.alone()


def _is_whole(call_id: str, server: MortalServer, bundle: Bundle) -> None:
    events = bundle.events
    assert sum(isinstance(e, CallStarted) for e in events) == 1
    assert sum(isinstance(e, CallEnded) for e in events) == 1
    assert sum(isinstance(e, RecordingStarted) for e in events) == 1
    texts = [e.model_dump_json() for e in events]
    assert len(set(texts)) == len(texts)
    states = [e.state for e in events if isinstance(e, LegChanged) and e.role == "caller"]
    assert states == ["incoming", "confirmed", "disconnected"]
    # each once, however often a busy machine had it sent again
    requests = {(rung.start_line.split()[0], rung.cseq) for rung in bundle.sip}
    methods = [method for method, _ in requests]
    # a second one is the gateway's, for a worker that left before a slow far end had answered
    assert methods.count("BYE") in (1, 2)
    assert methods.count("INVITE") == 3
    assert bundle.recordings == ("call.wav",)
    assert (server.folder / "calls" / call_id / "timeline.svg").exists()


async def _end(call: PhoneCall, *, by_key: bool) -> None:
    if by_key:
        await call.press("5")
        assert (await call.wait_ended(60)).by == "remote"
    else:
        ended = await call.hangup()
        assert (ended.by, ended.status) == ("local", 200)


def _tone(seconds: float) -> bytes:
    return speech_like(seconds)


@pytest.mark.slow
@pytest.mark.rfc("3261", "CANCEL and answer of an INVITE from before a restart")
async def test_calls_that_ring_and_calls_that_end_while_nobody_is_there(tmp_path: Path) -> None:
    plans = {"wait": WAIT, "ring": RING, "late": LATE}
    async with MortalServer(tmp_path, plans, limits=LIMITS) as server, Phone(user="a") as phone:
        leaves, dies = [await phone.dial(server.uri("300")) for _ in range(2)]
        for call in (leaves, dies):
            await call.wait_answered(60)
        rings, late = await phone.dial(server.uri("400")), await phone.dial(server.uri("500"))
        await until(lambda: len(server.lines("call_started")) == 4)
        known = {w["assignment"]["sip_call_id"]: w["pid"] for w in server.facts("worker")}
        await server.kill()
        os.kill(known[dies.id], signal.SIGKILL)
        leaving = asyncio.ensure_future(leaves.hangup())  # BYE is sent until somebody answers
        await asyncio.sleep(0.3)
        await server.start()

        assert (await leaving).status == 200
        assert (await dies.wait_ended(60)).by == "remote"  # BYE in place of its worker
        assert (await rings.hangup()).status == 487
        await late.wait_answered(60)
        await late.wait_ended(60)
        bundles = await server.bundles(4)
        await until(lambda: not server.journal())
        ends = {_started(bundle).sip_call_id: bundle.cdr for bundle in bundles}
        assert ends[leaves.id].ended_by == "caller"
        assert (ends[rings.id].ended_by, ends[rings.id].status) == ("caller", 487)
        assert ends[late.id].ended_by == "plan"
        lost = ends[dies.id]
        assert (lost.ended_by, lost.status) == ("system", 500)
        assert lost.reason.startswith("lost: ")
        assert len(server.records()) == 4


@pytest.mark.slow
async def test_a_call_nobody_comes_back_for_ends_and_is_on_record_later(tmp_path: Path) -> None:
    limits = {**LIMITS, "orphan_seconds": 1.5}
    plans = {"wait": WAIT}
    async with MortalServer(tmp_path, plans, limits=limits) as server, Phone(user="a") as phone:
        call = await phone.dial(server.uri("300"))
        await call.wait_answered(60)
        await until(lambda: server.lines("leg_changed"))
        await server.kill()
        await server.alone()
        assert call.state is LegState.CONFIRMED  # there was nobody to send its BYE
        await server.start()
        assert (await call.wait_ended(60)).by == "remote"
        (bundle,) = await server.bundles(1)
        assert (bundle.cdr.ended_by, bundle.cdr.reason) == ("system", "the gateway is gone")
        assert len(server.records()) == 1
        await until(lambda: not server.journal())


@pytest.mark.slow
async def test_a_restart_and_a_reload_drop_no_call(tmp_path: Path) -> None:
    plans = {"echo": ECHO}
    async with MortalServer(tmp_path, plans, limits=LIMITS) as server, Phone(user="a") as phone:
        call = await phone.dial(server.uri("100"))
        await call.wait_answered(60)

        server.configure(limits={"calls": "many"})
        server.signal(signal.SIGHUP)
        finding = await server.logged("settings_finding")
        assert "limits.calls" in finding["finding"]
        server.signal(signal.SIGUSR2)
        assert (await server.logged("not_restarted"))["findings"] == 1

        (tmp_path / "plans/wait.yaml").write_text(WAIT)
        (tmp_path / "plans/echo.yaml").write_text(ECHO.replace('"100"', '"101"'))
        sip = {"listen": [{"port": server.port}], "guests": ["10.0.0.0/8"]}
        server.configure(sip=sip, phones={"a": {"password": "secret"}}, policy={"limits": {}})
        changed = await asyncio.to_thread(run_program, tmp_path, "reload")
        assert changed.code == 0, changed.err
        assert "phones" in changed.out and "sip.listen waits for a restart" in changed.out
        async with Phone(user="a", password="secret") as known, Phone(user="b") as stranger:
            assert (await _status(known, server.uri("300"))) == 200
            assert (await _status(known, server.uri("100"))) == 404
            assert (await _status(stranger, server.uri("300"))) == 401
        assert call.state is LegState.CONFIRMED

        before = server.pid
        done = await asyncio.to_thread(run_program, tmp_path, "restart")
        assert done.code == 0, done.err
        await server.logged("worker_returned")
        assert server.pid == before
        await call.hold()
        await call.resume()
        assert (await call.hangup()).status == 200
        bundles = await server.bundles(2)
        assert [b.cdr.ended_by for b in bundles] == ["caller", "caller"]
        assert bundles[0].cdr.recordings == ("call.wav",)
        await until(lambda: not server.journal())


@pytest.mark.slow
async def test_those_who_confer_go_on_and_others_join_them(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            MortalServer(tmp_path, {"meet": MEET}, limits=LIMITS)
        )
        calls = [await _joined(stack, server, "one"), await _joined(stack, server, "two")]
        await assert_all_hear_the_others(calls, 60)
        await server.kill()
        await assert_all_hear_the_others(calls, 60)
        await server.start()
        await server.logged("worker_returned", 2)
        calls.append(await _joined(stack, server, "three"))
        await assert_all_hear_the_others(calls, 60)
        server.signal(signal.SIGUSR2)
        await server.logged("worker_returned", 5)
        await server.logged("serving", 2)
        calls.append(await _joined(stack, server, "four"))
        await assert_all_hear_the_others(calls, 60)
        for call in calls:
            await call.hangup()
        await server.bundles(4)
        server.signal(signal.SIGTERM)
        assert await server.exited() == 0
        await server.alone()


async def _joined(stack: AsyncExitStack, server: MortalServer, name: str) -> PhoneCall:
    phone = await stack.enter_async_context(Phone(user=name))
    call = await phone.dial(server.uri("600"))
    await call.wait_answered(60)
    return call


async def _status(phone: Phone, uri: str) -> int:
    call = await phone.dial(uri)
    try:
        await call.wait_answered(60)
    except LegFailed as failed:
        return failed.status
    return (await call.hangup()).status


def _started(bundle: Bundle) -> CallStarted:
    return next(event for event in bundle.events if isinstance(event, CallStarted))
