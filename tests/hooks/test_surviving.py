"""Kills on both sides: whatever dies in the middle, a receiver has every event once by its id."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from pathlib import Path

import pytest

from sipagent.app.hooks.selection import id_of
from sipagent.testing.mortal import MortalServer, until
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port

from .teller import CALLS, story

HERE = Path(__file__).parent
SLEEP = """
routes: [{to: "300"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
"""


class Killable:
    """A script of this folder as a process."""

    def __init__(self, script: str, *words: str) -> None:
        self._command = (sys.executable, str(HERE / script), *words)
        self._process: Process | None = None

    async def start(self) -> None:
        """Again, too."""
        self._process = await asyncio.create_subprocess_exec(*self._command)

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def scripts(folder: Path) -> AsyncIterator[tuple[Killable, Killable, str]]:
    """A receiver, and a teller that tells it; killed in the end."""
    (folder / "secret").write_text("a secret of some length")
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/"
    receiver = Killable("receiver.py", str(folder), port)
    teller = Killable("teller.py", str(folder), url)
    try:
        yield receiver, teller, url
    finally:
        await teller.kill()
        await receiver.kill()


def answer(folder: Path, mode: str) -> None:
    """Have the receiver answer so from now on; it reads the old word or the new, never none."""
    draft = folder / "mode.part"
    draft.write_text(mode)
    draft.replace(folder / "mode")


def count(path: Path) -> int:
    """How much stands there."""
    return path.stat().st_size if path.exists() else 0


def taken(folder: Path) -> list[str]:
    """Ids, in the order in which they were taken."""
    path = folder / "taken"
    return path.read_text().split() if path.exists() else []


def asked(folder: Path, mode: str) -> int:
    """How often the receiver answered so."""
    path = folder / "asked"
    return path.read_text().split().count(mode) if path.exists() else 0


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_whoever_is_killed_in_the_middle(tmp_path: Path) -> None:
    async with scripts(tmp_path) as (receiver, teller, _):
        answer(tmp_path, "204")
        await receiver.start()
        await teller.start()
        await until(lambda: len(taken(tmp_path)) >= 10)
        await teller.kill()
        told = count(tmp_path / "progress")
        answer(tmp_path, "500")
        await teller.start()
        await until(lambda: asked(tmp_path, "500") >= 2)
        answer(tmp_path, "429")
        await until(lambda: asked(tmp_path, "429"))
        await until(lambda: count(tmp_path / "progress") > told)
        await receiver.kill()  # deaf
        told = count(tmp_path / "progress")
        await teller.kill()
        answer(tmp_path, "hang")
        await receiver.start()
        await teller.start()
        await until(lambda: asked(tmp_path, "hang"))
        answer(tmp_path, "204")
        await until((tmp_path / "done").exists)
    expected = [id_of(event) for event in story()]
    expected += [f"call{number}_call_record" for number in range(CALLS)]
    assert sorted(taken(tmp_path)) == sorted(expected)
    assert in_order(taken(tmp_path)) == in_order(expected)


def in_order(ids: list[str]) -> dict[str, list[str]]:
    """By call."""
    by_call = sorted(ids, key=lambda event_id: event_id.partition("_")[0])
    return {
        call_id: list(group)
        for call_id, group in groupby(by_call, lambda event_id: event_id.partition("_")[0])
    }


@pytest.mark.slow
async def test_a_gateway_that_is_killed_in_a_call_tells_of_all_of_it_in_the_end(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "receiver"
    folder.mkdir()
    answer(folder, "204")
    async with scripts(folder) as (receiver, _, url):
        hooks = {"crm": {"url": url, "secret_file": str(folder / "secret"), "retry_seconds": 0.1}}
        limits = {"warm": 1, "claim_seconds": 30, "drain_seconds": 0}
        plans = {"sleep": SLEEP}
        async with (
            Phone(user="alice") as alice,
            MortalServer(tmp_path / "server", plans, webhooks=hooks, limits=limits) as server,
        ):
            call = await alice.dial(server.uri("300"))
            await call.wait_answered(60)
            await server.logged("call_started")
            await server.kill()
            await receiver.start()
            await server.start()
            await until(lambda: len(taken(folder)) == 1)
            await call.hangup()
            await until(lambda: len(taken(folder)) == 3)
    call_id = taken(folder)[0].partition("_")[0]
    assert taken(folder) == [
        f"{call_id}_{x}" for x in ("call_started", "call_ended", "call_record")
    ]
