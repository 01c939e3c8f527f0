"""Many calls at once: nothing is left of them, and one that dies dies alone."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import structlog

from sipagent.config import Limits
from sipagent.events import CallEnded
from sipagent.store.bundle import CALL, TIMELINE
from sipagent.testing.phone import Phone
from sipagent.testing.rtp import Packet
from sipagent.testing.server import Server, running
from sipagent.testing.sipp import Sipp

log = structlog.get_logger(__name__)
CALLS = 200
#: a second: two processors that have something else to do hold so many
RATE = 12
WARM = 4
PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {play: "ring:us"}, {sleep: {duration: 600000}}]
"""
MONOLOGUE = """
routes: [{{to: "100"}}]
agents:
  monologue:
    greeting: "{words}"
    ears: {{provider: instant}}
    brain: {{provider: instant}}
    voice: {{provider: instant}}
    silence_seconds: 600
sections:
  main: [answer, {{ai: {{agent: monologue}}}}]
""".format(words=" ".join(["This is one of many sentences that are said one after the other."] * 9))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def workers_of(server: Server) -> list[int]:
    """The zygote's children, as the kernel has them."""
    zygote = server.workers.zygote_pid
    return [int(p) for p in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()]


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.rfc("3261", "200 SIPp calls at 20/s, answered and cleared")
async def test_two_hundred_calls_leave_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN, limits=Limits(calls=100, warm=WARM)) as server:
        host, port = server.address()

        async def calls(number: int) -> None:
            more = ("-d", "1000")
            target = f"{host}:{port}"
            async with Sipp("uac", target=target, calls=number, rate=RATE, more=more) as sipp:
                result = await sipp.wait(60)
            assert (result.successful, result.failed) == (number, 0), result.output
            await server.idle()

        await calls(5)
        before = descriptors()
        await calls(CALLS)
        await server.wait_for(lambda: len(workers_of(server)) == WARM)
        await server.wait_for(lambda: server.workers.stats.processes == WARM)
        edge = server.gateway.edge
        await server.wait_for(lambda: (edge.dialogs, server.gateway.ledger.live) == (0, 0))
        assert edge.counters.exceptions == edge.counters.byes_for_workers == 0
        assert server.workers.stats.counts.get("lost", 0) == 0
        await server.wait_for(lambda: len(server.bundles) == CALLS + 5)
        # a bundle that is being written has files open
        await server.wait_for(lambda: descriptors() <= before)
        records = (await server.gateway.store.search(limit=1000)).calls
        assert len(records) == CALLS + 5
        assert {(r.status, r.ended_by, r.plan) for r in records} == {(200, "caller", "plan")}
        assert all(record.answered and record.ended for record in records)


def longest_gap_ms(packets: Sequence[Packet], start: float, end: float) -> float:
    """The longest pause between two RTP packets of that time."""
    times = [packet.at for packet in packets if start <= packet.at <= end]
    return 1000 * max(later - earlier for earlier, later in pairwise([start, *times, end]))


@pytest.mark.slow
@pytest.mark.alone
async def test_a_worker_that_is_killed_costs_its_own_call_only(tmp_path: Path) -> None:
    limits = Limits(calls=40, warm=20)
    async with running(tmp_path, MONOLOGUE, limits=limits) as server, Phone() as phone:
        calls = [await phone.dial(server.uri("100")) for _ in range(20)]
        await asyncio.gather(*(call.wait_answered() for call in calls))
        await asyncio.gather(*(call.wait_for_speech(10) for call in calls))
        victim, others = calls[7], [*calls[:7], *calls[8:]]
        worker = server.worker(victim.id)
        assert worker.pid is not None
        await asyncio.sleep(1.0)

        killed = time.perf_counter()
        os.kill(worker.pid, signal.SIGKILL)
        end = await victim.wait_ended()
        milliseconds = 1000 * (end.at - killed)
        assert (end.by, end.status) == ("remote", 200)
        await asyncio.sleep(1.5)  # what the others hear meanwhile is what is looked at

        span = killed - 0.8, killed + 1.3
        gaps = [longest_gap_ms(call.received, *span) for call in others]
        # the phones themselves send every 20 ms: when they could not, the machine stood still
        stalled = max(longest_gap_ms(call.stream.said.packets(), *span) for call in others) - 20
        log.info("measured", kill_to_bye_ms=round(milliseconds, 1), gap_ms=round(max(gaps), 1),
                 stalled_ms=round(stalled, 1))  # fmt: skip
        assert max(gaps) < 100 + max(0.0, stalled)
        assert not any(call.ended.done() for call in others)
        assert all(call.rms_since(killed) > 200 for call in others)
        ended = await server.ended()
        assert worker.assignment is not None
        assert ended.call_id == worker.assignment.call_id
        assert (ended.status, ended.by, ended.reason) == (500, "system", "crashed: signal 9")
        bundle = await server.bundle(ended.call_id)
        assert (bundle.cdr.status, bundle.cdr.caller) == (500, phone.uri)
        assert {CALL, TIMELINE} <= {p.name for p in server.bundles[ended.call_id].iterdir()}

        ends = await asyncio.gather(*(call.hangup() for call in others))
        assert {(e.by, e.status) for e in ends} == {("local", 200)}
        await server.idle()
        last = [event for event in server.events if isinstance(event, CallEnded)]
        assert sorted(event.status for event in last) == [200] * 19 + [500]
        await server.wait_for(lambda: server.gateway.edge.dialogs == 0)
        assert server.gateway.edge.counters.byes_for_workers == 1
