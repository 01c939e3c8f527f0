"""Barge-in: from the caller's first sound on the wire to the agent's last one."""

import asyncio
import random

from sipagent.testing.phone import Phone
from sipagent.testing.voice import speak

from .figures import Report, percentile
from .server import Server

_WORDS = ("Stop, please, I have a question.", "Wait a moment.", "No, that is not what I want.")


async def barge_in(server: Server, report: Report, calls: int, times: int) -> None:
    """`calls` callers interrupt a long speech `times` times each; rows p50 and p95."""
    async with Phone(user="barge") as phone:
        found = await asyncio.gather(*(_interrupt(phone, server, times, n) for n in range(calls)))
    stops = [ms for one in found for ms in one]
    group = f"barge-in, {calls} callers at once"
    note = f"{len(stops)} of {calls * times} interruptions ended the agent's speech"
    report.add(group, "onset to silence p50", percentile(stops, 50), "ms", note=note)
    report.add(group, "onset to silence p95", percentile(stops, 95), "ms", goal=200, note=note)
    report.add(
        group, "interruptions yielded", 100 * len(stops) / (calls * times), "%", goal=95,
        better="higher",
    )  # fmt: skip


async def _interrupt(phone: Phone, server: Server, times: int, seed: int) -> list[float]:
    """Ms from onset to silence of each interruption that was yielded to within a second."""
    dice = random.Random(seed)  # noqa: S311
    call = await phone.dial(server.uri("monologue"))
    await call.wait_answered()
    stops: list[float] = []
    for number in range(times):
        try:
            await call.wait_for_speech(10)
        except TimeoutError:
            break
        await asyncio.sleep(dice.uniform(1.0, 2.5))
        played = await call.play(speak(_WORDS[number % len(_WORDS)]))
        await asyncio.sleep(0.5)
        silent = call.stream.heard.fell_silent(played.onset, quiet=0.4)
        if silent is not None and silent - played.onset < 1.0:
            stops.append(max(0.0, 1000 * (silent - played.onset)))
    await call.hangup()
    return stops
