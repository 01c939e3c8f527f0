"""Fifty calls in one process keep their pace."""

import asyncio

import pytest

from sipagent.testing import audio
from sipagent.testing.phone import Phone

CALLS = 50


@pytest.mark.slow
async def test_fifty_calls_lose_nothing_and_do_not_drift() -> None:
    speech = audio.speech_like(3.0, 1)
    async with Phone(user="a", keep_seconds=10) as alice, Phone(user="b", keep_seconds=10) as bob:
        calls = await asyncio.gather(*(alice.dial(bob.uri) for _ in range(CALLS)))
        await asyncio.gather(*(call.wait_answered(20) for call in calls))
        played = await asyncio.gather(*(call.play(speech) for call in calls))
        await asyncio.gather(*(call.hangup() for call in calls))
        every = [call.stream for call in (*calls, *bob.calls)]
        assert len(every) == 2 * CALLS
        assert sum(stream.reception.lost for stream in every) == 0
        assert min(stream.reception.packets for stream in every) >= 140
        assert max(abs(p.end - p.start - 3.0) for p in played) < 0.5
