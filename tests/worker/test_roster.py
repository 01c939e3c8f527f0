"""The roster: who lives, who is doomed, and who is reaped."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from sipagent.worker.handle import GatewayChannel, WorkerHandle, WorkerState
from sipagent.worker.protocol import UP
from sipagent.worker.roster import Patience, Roster
from sipagent.worker.spawner import Died, Forked
from tests.worker.conftest import running, until


class Watch:
    """A roster with short patience, and what it said."""

    def __init__(self) -> None:
        self.gone: list[tuple[str, str]] = []
        self.roster = Roster(
            Patience(ready=60.0, exit=0.05), lambda w: self.gone.append((w.token, w.verdict))
        )


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def channel() -> AsyncIterator[GatewayChannel]:
    ours, theirs = socket.socketpair()
    with theirs:
        made = GatewayChannel(*await asyncio.open_connection(sock=ours), UP)
        yield made
        made.close()
        await asyncio.sleep(0)  # the transport closes on the next turn of the loop


@pytest.fixture
async def child() -> AsyncIterator[int]:
    """The pid of a process that only a signal ends."""
    process = await asyncio.create_subprocess_exec("sleep", "60")
    yield process.pid
    if process.returncode is None:
        process.kill()
    await process.wait()


def in_call(roster: Roster, channel: GatewayChannel, pid: int) -> WorkerHandle:
    worker = roster.add("one")
    roster.reported(Forked("one", pid))
    worker.channel = channel
    for state in (WorkerState.IDLE, WorkerState.ASSIGNED, WorkerState.CLAIMED):
        worker.move(state)
    return worker


async def test_last_words_count_when_the_death_is_heard_of_first(
    watch: Watch, channel: GatewayChannel, child: int
) -> None:
    worker = in_call(watch.roster, channel, child)
    watch.roster.reported(Died(child, 0))
    assert watch.gone == []
    watch.roster.finish(worker, "finished")
    watch.roster.lost(worker)
    assert watch.gone == [("one", "finished")]


async def test_the_end_of_the_channel_waits_for_the_exit_code(
    watch: Watch, channel: GatewayChannel, child: int
) -> None:
    worker = in_call(watch.roster, channel, child)
    watch.roster.lost(worker)
    assert watch.gone == []
    watch.roster.reported(Died(child, -signal.SIGSEGV))
    assert watch.gone == [("one", "crashed: signal 11")]


async def test_a_worker_without_a_channel_is_killed_and_given_up(
    watch: Watch, channel: GatewayChannel, child: int
) -> None:
    worker = in_call(watch.roster, channel, child)
    watch.roster.lost(worker)
    await until(lambda: not running(child))
    await watch.roster.empty.wait()  # although no zygote ever reports the death
    assert watch.gone == [("one", "crashed: channel lost")]


async def test_one_end_is_told_once_however_often_it_is_heard_of(
    watch: Watch, channel: GatewayChannel, child: int
) -> None:
    worker = in_call(watch.roster, channel, child)
    watch.roster.doom(worker, "unresponsive")
    watch.roster.doom(worker, "did not claim its call")
    watch.roster.lost(worker)
    watch.roster.reported(Died(child, -9))
    watch.roster.reported(Died(child, -9))
    watch.roster.orphaned()
    watch.roster.doom(worker, "too late")
    assert watch.gone == [("one", "unresponsive")]
    assert len(watch.roster) == 0


async def test_a_worker_given_up_before_it_was_born_is_killed_at_birth(
    watch: Watch, child: int
) -> None:
    worker = watch.roster.add("one")
    watch.roster.doom(worker, "did not become ready")
    watch.roster.reported(Forked("one", child))
    await until(lambda: not running(child))
    await watch.roster.empty.wait()
    assert watch.gone == [("one", "did not become ready")]


async def test_a_worker_born_after_it_was_forgotten_is_killed(watch: Watch, child: int) -> None:
    watch.roster.reported(Forked("stranger", child))
    await until(lambda: not running(child))
    assert watch.gone == []
