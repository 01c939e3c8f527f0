"""The pool: warm workers, the cap, and who waits for whom."""

import asyncio

import pytest

from sipagent.worker.handle import WorkerHandle, WorkerState
from sipagent.worker.pool import AT_ONCE, NoRoom, Pool


def idle_worker(token: str = "one") -> WorkerHandle:
    worker = WorkerHandle(token, spawned_at=0.0)
    worker.move(WorkerState.IDLE)
    return worker


async def test_the_pool_wants_its_warm_workers_within_the_cap() -> None:
    pool = Pool(warm=2, cap=4)
    assert pool.wanted(processes=0, spawning=0) == 2
    assert pool.wanted(processes=1, spawning=1) == 1
    assert pool.wanted(processes=3, spawning=0) == 1
    assert pool.wanted(processes=4, spawning=0) == 0
    assert pool.wanted(processes=0, spawning=0, more=1) == 3
    pool.offer(idle_worker())
    assert pool.wanted(processes=1, spawning=0) == 1


async def test_only_so_many_are_forked_at_once() -> None:
    pool = Pool(warm=50, cap=100)
    assert pool.wanted(processes=0, spawning=0) == AT_ONCE
    assert pool.wanted(processes=AT_ONCE, spawning=AT_ONCE - 1) == 1
    assert pool.wanted(processes=AT_ONCE, spawning=AT_ONCE, more=1) == 0


async def test_no_more_stand_ready_than_may_exist() -> None:
    pool = Pool(warm=5, cap=1)
    pool.offer(idle_worker())
    assert pool.filled.is_set()


async def test_those_beyond_the_warm_ones_are_not_needed_while_nobody_waits() -> None:
    pool = Pool(warm=1, cap=4)
    kept, spare = idle_worker("kept"), idle_worker("spare")
    pool.offer(kept)
    assert pool.surplus() == []
    pool.offer(spare)
    assert pool.surplus() == [spare]


async def test_who_waits_longest_is_served_first() -> None:
    pool = Pool(warm=0, cap=4)
    first = asyncio.ensure_future(pool.wait(10))
    second = asyncio.ensure_future(pool.wait(10))
    await asyncio.sleep(0)
    assert pool.wanted(processes=0, spawning=0) == 2
    one, two = idle_worker("one"), idle_worker("two")
    pool.offer(one)
    pool.offer(two)
    assert (await first, await second) == (one, two)
    assert pool.idle == 0


async def test_a_wait_has_a_limit() -> None:
    pool = Pool(warm=0, cap=4)
    with pytest.raises(NoRoom, match="in time"):
        await pool.wait(0.01)
    assert pool.waiting == 0


async def test_a_worker_handed_to_a_cancelled_wait_goes_back() -> None:
    pool = Pool(warm=0, cap=4)
    waiting = asyncio.ensure_future(pool.wait(10))
    await asyncio.sleep(0)
    worker = idle_worker()
    pool.offer(worker)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.take() is worker


async def test_a_worker_lost_on_its_way_to_a_call_is_no_worker() -> None:
    pool = Pool(warm=0, cap=4)
    waiting = asyncio.ensure_future(pool.wait(10))
    await asyncio.sleep(0)
    worker = idle_worker()
    pool.offer(worker)
    worker.move(WorkerState.GONE)
    with pytest.raises(NoRoom, match="lost"):
        await waiting


async def test_a_dying_worker_is_not_given_a_call() -> None:
    pool = Pool(warm=1, cap=4)
    dying, good = idle_worker("dying"), idle_worker("good")
    pool.offer(dying)
    pool.offer(good)
    dying.move(WorkerState.FINISHING)
    assert pool.take() is good
    assert pool.take() is None


async def test_nobody_waits_for_workers_that_cannot_come() -> None:
    pool = Pool(warm=0, cap=4)
    waiting = asyncio.ensure_future(pool.wait(10))
    await asyncio.sleep(0)
    pool.refuse_waiting("the zygote died")
    with pytest.raises(NoRoom, match="the zygote died"):
        await waiting
