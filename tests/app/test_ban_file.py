"""The ban file: bans outlive the server, and others may change them meanwhile."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from sipagent.app.ban_file import BanFile, changing, read_bans
from sipagent.edge.door.bans import Ban, Bans


def ban(source: str, seconds: float = 60) -> Ban:
    now = time.time()
    return Ban(source=source, why="test", since=now, until=now + seconds)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


def sources(folder: Path) -> set[str]:
    return {known.source for known in read_bans(folder)}


async def test_bans_are_kept_over_a_restart(tmp_path: Path) -> None:
    before, after = Bans(), Bans()
    file = BanFile(tmp_path, before, lambda: None)
    await file.start()
    before.add("198.51.100.1", "scanner", 60, time.time())
    await until(lambda: sources(tmp_path) == {"198.51.100.1"})
    before.add("198.51.100.2", "scanner", 60, time.time())
    await file.close()
    again = BanFile(tmp_path, after, lambda: None)
    await again.start()
    assert {b.source for b in after} == {"198.51.100.1", "198.51.100.2"}
    assert after.holds("198.51.100.1", time.time())
    await again.close()


async def test_what_another_process_changes_holds_here_too(tmp_path: Path) -> None:
    bans, told = Bans(), asyncio.Event()
    file = BanFile(tmp_path, bans, told.set)
    await file.start()
    bans.add("198.51.100.1", "scanner", 60, time.time())
    bans.add("198.51.100.2", "scanner", 60, time.time())
    await until(lambda: len(sources(tmp_path)) == 2)
    with changing(tmp_path) as known:
        known[:] = [*(b for b in known if b.source != "198.51.100.1"), ban("203.0.113.9")]
    bans.add("198.51.100.3", "floods", 60, time.time())
    expected = {"198.51.100.2", "198.51.100.3", "203.0.113.9"}
    await until(lambda: {b.source for b in bans} == sources(tmp_path) == expected)
    assert told.is_set()
    bans.lift("203.0.113.9")
    await until(lambda: sources(tmp_path) == {"198.51.100.2", "198.51.100.3"})
    await file.close()


async def test_a_file_nobody_can_read_is_no_bans(tmp_path: Path) -> None:
    (tmp_path / "bans.json").write_text("{not json")
    bans = Bans()
    file = BanFile(tmp_path, bans, lambda: None)
    await file.start()
    assert len(bans) == 0
    await file.close()
