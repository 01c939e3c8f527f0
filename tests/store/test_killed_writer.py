"""A writer that is killed, and its database with it, loses at most the event it was writing."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sipagent.store.records import Store
from sipagent.testing.postgres import PostgresServer

from .writer import said

#: writers killed in one test, one after the other, over the same files and tables
KILLED = 8


class Writers:
    """A process that forks writers."""

    def __init__(self, process: Process, url: str, folder: Path) -> None:
        self._process = process
        self._url = url
        self._folder = folder
        self.calls: list[str] = []

    def told(self, call_id: str) -> int:
        """Events whose `append` has returned."""
        path = self._folder / f"{call_id}.told"
        return path.stat().st_size if path.exists() else 0

    async def start(self) -> int:
        """The process id of the next."""
        self.calls.append(f"call{len(self.calls):03}")
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{self._url} {self._folder} {self.calls[-1]}\n".encode())
        return int(await self._process.stdout.readline())

    async def tells(self, count: int) -> None:
        """Wait until the last of them has appended so many."""
        async with asyncio.timeout(60):
            while self.told(self.calls[-1]) < count:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def writing(url: str, folder: Path) -> AsyncIterator[Writers]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("writer.py"))),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        yield Writers(process, url, folder)
    finally:
        process.kill()
        await process.wait()


async def check(url: str, folder: Path, writers: Writers) -> None:
    """All that were told are there once, in their order, and at most one more."""
    store = Store(url, folder / "events.jsonl")
    await store.open()
    try:
        for call_id in writers.calls:
            first, *events = await store.events(call_id)
            assert first.type == "call_started"
            assert events == [said(call_id, number) for number in range(len(events))]
            assert len(events) - writers.told(call_id) in (0, 1), call_id
            assert await store.call(call_id) is not None
    finally:
        await store.close()
    assert not list(folder.glob("events.jsonl*"))


async def test_a_killed_writer_loses_at_most_the_event_it_was_writing(
    database: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    async with writing(database, tmp_path) as writers:
        for _ in range(KILLED):
            pid = await writers.start()
            await writers.tells(chance.randint(1, 700))
            os.kill(pid, signal.SIGKILL)
    assert sum(map(writers.told, writers.calls)) > 100
    await check(database, tmp_path, writers)


@pytest.mark.peer
async def test_a_database_that_is_killed_with_its_writer_loses_nothing_either(
    tmp_path: Path,
) -> None:
    with PostgresServer() as server:
        name = await server.database()
        url = server.url(name)
        chance = random.Random(11)
        async with writing(url, tmp_path) as writers:
            for together in (True, False, True):
                pid = await writers.start()
                await writers.tells(chance.randint(50, 500))
                await asyncio.to_thread(server.kill)
                if not together:  # the writer goes on, with what it has on disk
                    await writers.tells(writers.told(writers.calls[-1]) + 200)
                os.kill(pid, signal.SIGKILL)
                await asyncio.to_thread(server.start)
        await check(url, tmp_path, writers)


@pytest.mark.peer
async def test_a_database_that_is_back_takes_what_it_missed_without_a_restart_of_ours(
    tmp_path: Path,
) -> None:
    with PostgresServer() as server:
        store = Store(server.url(await server.database()), tmp_path / "events.jsonl")
        await store.open()
        store.append(said("c1", 0))
        await store.flush()
        await asyncio.to_thread(server.kill)
        store.append(said("c1", 1))
        await store.flush()
        failed = store.failing
        await asyncio.to_thread(server.start)
        store.append(said("c1", 2))
        await store.flush()
        store.append(said("c1", 3))
        await store.flush()
        assert (failed, store.failing) == (True, False)
        assert await store.events("c1") == [said("c1", number) for number in range(4)]
        await store.close()
    assert not list(tmp_path.glob("events.jsonl*"))
