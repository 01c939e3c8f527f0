"""Calls that come in a burst: each gets a worker, in its turn."""

import asyncio

from sipagent.worker.pool import AT_ONCE
from tests.worker.conftest import StartGateway


async def test_more_calls_than_are_forked_for_at_once_wait_their_turn(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(calls=3 * AT_ONCE, warm=1)
    workers = await asyncio.gather(*(gateway.take() for _ in range(2 * AT_ONCE + 1)))
    assert len({worker.token for worker in workers}) == 2 * AT_ONCE + 1
    assert gateway.supervisor.stats.counts.get("refused", 0) == 0
