"""Conversations: callers who speak and listen, with VAD and turn-taking running."""

import asyncio
import json
import random
from pathlib import Path

from sipagent.testing.audio import silence
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.voice import speak

from .figures import Report, percentile
from .server import Server

_WORDS = "Good morning, I would like to know when you are open on Saturdays."
_TURN_SECONDS = 8.0
_LATE_MS = 40


async def conversations(server: Server, report: Report, calls: int, seconds: float) -> None:
    """`calls` callers at once; rows overhead, frames late and lost, CPU and memory per call."""
    bundles = server.folder / "calls"
    known = set(bundles.iterdir()) if bundles.exists() else set()
    async with Phone(user="talk", keep_seconds=1) as phone:
        placed: list[PhoneCall] = []
        for _ in range(calls):
            call = await phone.dial(server.uri("talk"))
            await call.wait_answered()
            placed.append(call)
            await asyncio.sleep(0.02)
        before = server.cost()
        chatter = [asyncio.create_task(_talk(call, seconds, i)) for i, call in enumerate(placed)]
        await asyncio.sleep(seconds)
        after = server.cost()
        pss = server.worker_pss()[:calls]
        await asyncio.gather(*chatter)
        late = sum(call.stream.reception.late for call in placed)
        lost = sum(call.stream.reception.lost for call in placed)
        packets = sum(call.stream.reception.packets for call in placed)
        await asyncio.gather(*(call.hangup() for call in placed))
    await asyncio.sleep(2.0)
    overheads = _overheads(bundles, known)
    group = f"{calls} conversations, VAD and turn-taking running"
    heard = f"{len(overheads)} turns"
    report.add(group, "own overhead a turn p50", percentile(overheads, 50), "ms", note=heard)
    report.add(
        group, "own overhead a turn p95", percentile(overheads, 95), "ms", goal=40, note=heard
    )
    report.add(
        group, f"RTP more than {_LATE_MS} ms late", 100 * late / max(1, packets), "%", goal=0.1
    )
    report.add(group, "RTP lost", 100 * lost / max(1, packets + lost), "%", goal=0.1)
    cpu = 100 * (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at) / calls
    report.add(group, "CPU per conversation", cpu, "% of a core")
    if pss:
        report.add(
            group, "memory per conversation", percentile(pss, 50) / 2**20, "MiB PSS", goal=25
        )


async def _talk(call: PhoneCall, seconds: float, seed: int) -> None:
    """Say the sentence every few seconds, each caller at a time of their own."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await asyncio.sleep(random.Random(seed).uniform(0, _TURN_SECONDS / 2))  # noqa: S311
    while loop.time() < end - 4:
        await call.play(speak(_WORDS) + silence(0.2))
        await asyncio.sleep(max(0.0, min(_TURN_SECONDS - 4, end - loop.time())))


def _overheads(bundles: Path, known: set[Path]) -> list[float]:
    """Our part of each turn, from the new calls' bundles."""
    found: list[float] = []
    for folder in bundles.iterdir() if bundles.exists() else ():
        if folder in known or not (folder / "call.json").exists():
            continue
        events = json.loads((folder / "call.json").read_text())["events"]
        found += [
            event["overhead_ms"]
            for event in events
            if event["type"] == "turn_latency" and event["overhead_ms"] is not None
        ]
    return found
