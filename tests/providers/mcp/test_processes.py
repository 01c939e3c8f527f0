"""Servers as processes of ours: what they see, what they may do, and that nothing of them stays."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.interview import Answers
from sipagent.config.mcp import McpServer
from sipagent.providers.mcp.connection import Connection, State
from sipagent.providers.mcp.making import configured
from sipagent.providers.mcp.shelf import ToolShelf
from sipagent.tools.mcp.server import Change, Elicitation, Hooks, McpFailed

ROUGH = Path(__file__).with_name("rough.py")
PATIENCE = 30.0


async def _declines(asked: Elicitation) -> Answers:
    return Answers("decline")


HOOKS = Hooks(lambda words: None, _declines)


class Told:
    """What became of a server."""

    def __init__(self, connection: Connection) -> None:
        self.changes: list[Change] = []
        self._more = asyncio.Event()
        connection.follow(self._tell)

    def _tell(self, change: Change) -> None:
        self.changes.append(change)
        self._more.set()

    @property
    def states(self) -> list[str]:
        return [change.state for change in self.changes]

    async def until(self, state: str) -> Change:
        async with asyncio.timeout(PATIENCE):
            while state not in self.states:
                self._more.clear()
                await self._more.wait()
        return next(change for change in self.changes if change.state == state)


@asynccontextmanager
async def rough(
    folder: Path, fault: str = "", seconds: float = 0.0, **keys: Any
) -> AsyncIterator[tuple[Connection, Told]]:
    command = (sys.executable, "-S", str(ROUGH), fault)
    env = {"SAW": str(folder / "saw"), "MINE": "yes"}
    server = McpServer.model_validate({"command": command, "env": env, **keys})
    connection = configured(server, ToolShelf(folder / "shelf", "rough", fault, seconds))
    try:
        yield connection, Told(connection)
    finally:
        async with asyncio.timeout(PATIENCE):
            await connection.close()


async def test_a_process_sees_nothing_of_our_environment_but_what_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    async with rough(tmp_path) as (server, _):
        result = await server.call("echo", {}, HOOKS)
        seen = set(json.loads(result.text))
        assert {"SAW", "MINE", "PATH"} <= seen
        assert seen <= {"SAW", "MINE", "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PWD"}


async def test_a_crash_in_a_call_is_told_and_the_next_call_meets_a_new_process(
    tmp_path: Path,
) -> None:
    async with rough(tmp_path, "crash") as (server, told):
        with pytest.raises(McpFailed, match="the connection was lost"):
            await server.call("echo", {"a": 1}, HOOKS)
        await told.until("lost")
        # the second is the last: nobody restarts a server for ever
        with pytest.raises(McpFailed, match="the connection was lost"):
            await server.call("echo", {"a": 1}, HOOKS)
        await told.until("failed")
        with pytest.raises(McpFailed):
            await server.call("echo", {"a": 1}, HOOKS)
        assert told.states == ["connected", "lost", "connected", "failed"]
        assert server.state is State.FAILED


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("huge", "the connection was lost"),
        ("not-json", "the connection was lost"),
        ("wrong-result", "not of the protocol"),
    ],
)
async def test_what_is_not_of_the_protocol_fails_the_call(
    tmp_path: Path, fault: str, words: str
) -> None:
    async with rough(tmp_path, fault) as (server, _):
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(McpFailed, match=words):
                await server.call("echo", {"a": 1}, HOOKS)


async def test_a_large_result_is_cut_and_an_image_is_told_in_words(tmp_path: Path) -> None:
    async with rough(tmp_path, "large") as (server, _):
        result = await server.call("echo", {"a": 1}, HOOKS)
        assert (len(result.text), result.size) == (65_536, 1_000_000)
    async with rough(tmp_path, "image") as (server, _):
        result = await server.call("echo", {"a": 1}, HOOKS)
        assert result.text == "[an image, which cannot be told on the phone]"


async def test_a_server_that_prints_other_things_is_understood_all_the_same(
    tmp_path: Path,
) -> None:
    async with rough(tmp_path, "chatty") as (server, _):
        assert (await server.call("echo", {"a": 1}, HOOKS)).text == '{"a": 1}'


async def test_a_thousand_tools_are_read_and_a_broken_list_is_no_connection(
    tmp_path: Path,
) -> None:
    async with rough(tmp_path, "many") as (server, told):
        await told.until("connected")
        assert len(server.tools) == 1000
    async with rough(tmp_path, "broken-tool") as (server, told):
        assert "not of the protocol" in (await told.until("failed")).detail


async def test_a_list_that_changes_in_a_call_is_read_again(tmp_path: Path) -> None:
    async with rough(tmp_path, "changes") as (server, told):
        await server.call("echo", {"a": 1}, HOOKS)
        await told.until("changed")
        assert [tool.name for tool in server.tools] == ["echo2"]


async def test_a_call_that_is_given_up_is_cancelled_at_the_server(tmp_path: Path) -> None:
    async with rough(tmp_path, "hang") as (server, told):
        await told.until("connected")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await server.call("echo", {"a": 1}, HOOKS)
        saw = tmp_path / "saw"
        async with asyncio.timeout(PATIENCE):
            while not (saw.exists() and saw.read_text()):
                await asyncio.sleep(0.02)
        assert saw.read_text() == "cancelled\n"


async def test_a_list_is_kept_for_the_next_call(tmp_path: Path) -> None:
    async with rough(tmp_path, "", 60.0) as (server, told):
        assert server.tools == []
        await told.until("connected")
    async with rough(tmp_path, "", 60.0) as (server, told):
        # before anybody is connected
        assert [tool.name for tool in server.tools] == ["echo"]
        assert told.changes == []
    (kept,) = (tmp_path / "shelf").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_a_kept_list_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    shelf = ToolShelf(tmp_path, "rough", "x", 60.0)
    shelf.keep([])
    (file,) = tmp_path.iterdir()
    file.write_text('{"at": 9e99, "tools": [{"nme": 1}]}')
    assert shelf.tools() == []


@pytest.mark.parametrize("fault", ["", "stays", "child"])
async def test_nothing_of_a_process_stays(tmp_path: Path, fault: str) -> None:
    async with rough(tmp_path, fault) as (_, told):
        await told.until("connected")
        ours = _group(fault)
        assert ours
    async with asyncio.timeout(PATIENCE):
        while any(_alive(pid) for pid in ours):
            await asyncio.sleep(0.02)


def _group(fault: str) -> list[int]:
    """The processes of the server that runs with this fault, and what they have started."""
    ends = f"\0{fault}\0".encode()
    leaders = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and b"rough.py" in _read(entry) and _read(entry).endswith(ends)
    ]
    mine = [pid for pid in leaders if _parent(pid) == os.getpid()]
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _session(int(entry.name)) in mine
    ]


def _read(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["Z", "0", "0", "0"]


def _parent(pid: int) -> int:
    return int(_fields(pid)[1])


def _session(pid: int) -> int:
    return int(_fields(pid)[3])


def _alive(pid: int) -> bool:
    return _fields(pid)[0] != "Z"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/nonexistent/server"], "/nonexistent/server cannot be run: No such file"),
        (["/bin/true"], "the connection was lost"),
        (["/bin/cat"], "Method not found"),
    ],
)
async def test_what_is_no_server_is_named(tmp_path: Path, command: list[str], words: str) -> None:
    server = McpServer.model_validate({"command": command, "connect_seconds": 20})
    connection = configured(server, ToolShelf(tmp_path, "x", "x", 0))
    told = Told(connection)
    assert words in (await told.until("failed")).detail
    with pytest.raises(McpFailed):
        await connection.call("echo", {}, HOOKS)
    await connection.close()


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    server = McpServer.model_validate({"command": ["/bin/sleep", "600"], "connect_seconds": 0.2})
    connection = configured(server, ToolShelf(tmp_path, "x", "x", 0))
    told = Told(connection)
    assert (await told.until("failed")).detail == "not connected within 0.2 s"
    await connection.close()
