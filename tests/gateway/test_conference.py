"""Conferences of real callers, each in a process of its own, mixed in yet another."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from sipagent.events import MeetingChanged
from sipagent.testing.audio import correlate, speech_like
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running

PLAN = """
routes: [{to: "100"}, {to: "101"}, {to: "102"}]
policy: {destinations: ["conference:*"]}
sections:
  main:
    - answer
    - join_conference: {name: room, beep: false, exit_key: "#"}
    - set: {over: "${join_conference_reason}"}
    - hangup
"""
QUIET = 0.35


def voice(seed: int, seconds: float = 2.5) -> bytes:
    """Six of these at once do not clip."""
    loud = np.frombuffer(speech_like(seconds, seed=seed), "<i2")
    return (loud * QUIET).astype("<i2").tobytes()


async def callers(
    stack: AsyncExitStack, server: Server, count: int, number: str
) -> list[PhoneCall]:
    async def one(index: int) -> PhoneCall:
        phone = await stack.enter_async_context(Phone(user=f"caller{index}"))
        call = await phone.dial(server.uri(number))
        await call.wait_answered()
        return call

    return list(await asyncio.gather(*(one(index) for index in range(count))))


def met(server: Server) -> int:
    return sum(isinstance(e, MeetingChanged) and e.change == "met" for e in server.events)


async def all_talk(calls: list[PhoneCall]) -> list[list[float]]:
    """How well each voice is found in what each caller heard."""
    voices = [voice(seed) for seed in range(len(calls))]
    start = time.perf_counter()
    await asyncio.gather(*(call.play(pcm) for call, pcm in zip(calls, voices, strict=True)))
    await asyncio.sleep(0.4)
    heard = [call.stream.heard.pcm(start) for call in calls]
    return [[correlate(pcm, ears).corr for pcm in voices] for ears in heard]


@pytest.mark.slow
async def test_six_callers_hear_each_other_and_not_themselves(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN) as server, AsyncExitStack() as stack:
        calls = await callers(stack, server, 6, "100")
        await server.wait_for(lambda: met(server) == 6)
        found = await all_talk(calls)
        print(np.round(found, 2))
        for ears, row in enumerate(found):
            for mouth, corr in enumerate(row):
                assert (corr > 0.3) if ears != mouth else (abs(corr) < 0.15), (ears, mouth, corr)
        await calls[0].hangup()
        await calls[1].press("#")
        await calls[1].wait_ended()
        await asyncio.gather(*(call.hangup() for call in calls[2:]))
        await server.idle()
