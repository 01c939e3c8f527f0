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
from .server import BenchFailed, Server

_WORDS = "Good morning, I would like to know when you are open on Saturdays."
_TURN_SECONDS = 8.0
_LATE_MS = 40
#: the server writes its bundles after the calls: this many looks for them at most, 0.2 s apart
_BUNDLES_LOOKS = 300


async def conversations(server: Server, report: Report, calls: int, seconds: float) -> None:
    """`calls` callers at once; rows overhead, frames late and lost, CPU and memory per call."""
    bundles = server.folder / "calls"
    known = _folders(bundles)
    words = speak(_WORDS) + silence(0.2)
    async with Phone(user="talk", keep_seconds=1) as phone:
        placed: list[PhoneCall] = []
        for _ in range(calls):
            call = await phone.dial(server.uri("talk"))
            await call.wait_answered()
            placed.append(call)
            await asyncio.sleep(0.02)
        before = server.cost()
        chatter = [
            asyncio.create_task(_talk(call, words, seconds, i)) for i, call in enumerate(placed)
        ]
        await asyncio.sleep(seconds)
        after = server.cost()
        await asyncio.gather(*chatter)
        group = f"{calls} conversations, VAD and turn-taking running"
        _reception_rows(report, group, placed)
        # Only now: the kernel holds a process up while it counts its pages.
        pss = (await asyncio.to_thread(server.worker_pss))[:calls]
        await asyncio.gather(*(call.hangup() for call in placed))
    overheads = await _overheads(bundles, known, calls)
    report.add(
        *(group, "own overhead a turn p50", percentile(overheads, 50), "ms"),
        note=f"{len(overheads)} turns",
    )
    report.add(group, "own overhead a turn p95", percentile(overheads, 95), "ms", goal=40)
    cpu = 100 * (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at) / calls
    report.add(group, "CPU per conversation", cpu, "% of core", note="of the whole server")
    report.add(group, "memory per conversation", percentile(pss, 50) / 2**20, "MiB PSS", goal=25)


def _reception_rows(report: Report, group: str, placed: list[PhoneCall]) -> None:
    heard = [call.stream.reception for call in placed]
    late, lost = sum(r.late for r in heard), sum(r.lost for r in heard)
    packets = sum(r.packets for r in heard)
    gap = max(r.longest_gap_ms for r in heard)
    worst = max(call.stream.departures.worst_ms for call in placed)
    report.add(
        *(group, f"RTP more than {_LATE_MS} ms late", late, "packets"),
        goal=0,
        note=f"of {packets}; longest gap {gap:.0f} ms",
    )
    report.add(
        *(group, "RTP lost", 100 * lost / max(1, packets + lost), "%"),
        goal=0.1,
        note=f"callers' own worst lateness {worst:.0f} ms",
    )


async def _talk(call: PhoneCall, words: bytes, seconds: float, seed: int) -> None:
    """Say the sentence every few seconds, each caller at a time of their own."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await asyncio.sleep(random.Random(seed).uniform(0, _TURN_SECONDS / 2))  # noqa: S311
    while loop.time() < end - 4:
        await call.play(words)
        await asyncio.sleep(max(0.0, min(_TURN_SECONDS - 4, end - loop.time())))


def _folders(bundles: Path) -> set[Path]:
    return {file.parent for file in bundles.glob("*/call.json")}


async def _overheads(bundles: Path, known: set[Path], calls: int) -> list[float]:
    """Our part of each turn, from the new calls' bundles. Raises BenchFailed."""
    new = _folders(bundles) - known
    for _ in range(_BUNDLES_LOOKS):
        if len(new) >= calls:
            break
        await asyncio.sleep(0.2)
        new = _folders(bundles) - known
    else:
        raise BenchFailed(f"{len(new)} of {calls} calls left a bundle")
    events = [e for one in new for e in json.loads((one / "call.json").read_text())["events"]]
    return [
        event["overhead_ms"]
        for event in events
        if event["type"] == "turn_latency" and event["overhead_ms"] is not None
    ]
