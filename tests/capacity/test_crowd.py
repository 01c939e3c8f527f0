"""The crowd's media over real sockets, against a bare UDP echo."""

import asyncio
import random
import time

from sipagent.testing.audio import encode
from sipagent.testing.bench.reflector import reflecting
from sipagent.testing.capacity.crowd import Crowd
from sipagent.testing.capacity.talk import Phrase, Talk
from sipagent.testing.signals import noise

_LOUD = Phrase((encode("PCMU", noise(1, 20, 8000, level=0.5)),) * 50, ends=1.0)


async def test_what_a_crowd_sends_it_hears_and_counts() -> None:
    async with reflecting() as remote:
        with Crowd(lines=3) as crowd:
            talks = [Talk([_LOUD], random.Random(n), first=True) for n in range(3)]
            lines = [crowd.add(talk) for talk in talks]
            assert crowd.tally.count().packets == 0
            for line in lines:
                line.connect(remote, time.time())
            async with asyncio.timeout(50):
                while crowd.tally.count().packets < 150:
                    await asyncio.sleep(0.05)
            crowd.remove(lines[0])
            async with asyncio.timeout(50):
                while crowd.own.packets < 400:
                    await asyncio.sleep(0.05)
        count, sent = crowd.tally.count(), crowd.own.packets
    assert 150 <= count.packets <= count.due <= sent
    assert 0 < crowd.own.cpu_seconds < 5
