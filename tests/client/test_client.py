"""The client of the package, against the real door."""

import ast
import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import sipagent.client as package
from sipagent.client import (
    ApiError,
    BlockingSipAgent,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ServerAway,
    SipAgent,
    Unauthorised,
)
from sipagent.events import CallEnded, CallStarted, Event, LegChanged, Said
from sipagent.testing.http_door import Tokens, happens, without_workers
from sipagent.testing.tcp import TcpServer

PLAN = """version: 1.0.0
routes: [{to: "200"}]
sections:
  main: [answer, {transfer: closed}]
  closed: [hangup]
"""
FOLDER = Path(package.__file__).parent
DOC = FOLDER.parents[1] / "docs" / "client.md"


def call(call_id: str) -> list[Event]:
    at, caller = datetime.now(UTC), "sip:alice@pbx.example"
    return [
        CallStarted(call_id=call_id, at=at, caller=caller, callee="sip:200@x", plan="plan"),
        LegChanged(call_id=call_id, at=at, leg="1", remote=caller, state="confirmed"),
        said(call_id, "hello"),
    ]


def said(call_id: str, text: str) -> Event:
    return Said(call_id=call_id, speaker="caller", text=text, start=10, end=20)


@asynccontextmanager
async def unsteady(address: tuple[str, int]) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A way to the server, and what breaks all connections that go by it."""
    open_now: set[asyncio.StreamWriter] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def through(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        there_reader, there_writer = await asyncio.open_connection(*address)
        open_now.update((writer, there_writer))
        await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))

    def broken() -> None:
        for writer in open_now:
            writer.transport.abort()
        open_now.clear()

    async with TcpServer(through) as way:
        yield f"http://{way.place}", broken
        broken()


async def test_a_server_is_read_typed(tmp_path: Path) -> None:
    tokens = Tokens()
    async with without_workers(tmp_path, PLAN, tokens) as server:
        address = server.gateway.http.address
        assert address is not None
        url = f"http://{address[0]}:{address[1]}"
        happens(server, call("one"))
        happens(server, [*call("two"), CallEnded(call_id="two", status=486)])
        async with SipAgent(url, tokens.of["admin"]) as api:
            assert [view.call_id for view in await api.calls()] == ["one"]
            assert (await api.call("two")).status == 486
            assert [line.text for line in await api.transcript("one")] == ["hello"]
            assert [r.call_id async for r in api.records(status="4xx")] == ["two"]
            assert (await api.record("two")).turns == {"caller": 1}
            assert (await api.story("one")).transcript[0].heard == "hello"
            assert "<svg" in await api.timeline("one")
            assert (await api.status()).dialplans == 1
            assert (await api.trunks(), await api.phones()) == ((), ())
            graph = await api.graph("plan")
            ways = [(edge.source, edge.target) for edge in graph.edges]
            assert ("section:main", "section:closed") in ways
            assert (await api.dialplans()).dialplans[0].routes == ("to 200",)
            assert not (await api.check("sections: {}")).ok
            assert (await api.reload()).ok
            with pytest.raises(NotFound, match="there is no call 'no body'"):
                await api.call("no body")
            with pytest.raises(Conflict):
                await api.do("two", "hold")
            with pytest.raises(Invalid) as wrong:
                await api.do("one", "hold", timeout="long")
            assert wrong.value.place == "timeout"
            with pytest.raises(Forbidden) as denied:
                await api.originate("+4420", plan="plan")
            assert denied.value.kind == "denied"
        async with SipAgent(url, "sa_wrong") as stranger:
            with pytest.raises(Unauthorised):
                await stranger.calls()

        def blocking() -> list[str]:
            with BlockingSipAgent(url, tokens.of["viewer"]) as api:
                assert [item.seq for item in api.events("two", after=0)] == [1, 2, 3, 4]
                return [record.call_id for record in api.records(text="hello")]

        assert sorted(await asyncio.to_thread(blocking)) == ["one", "two"]
    with pytest.raises(ServerAway, match="cannot be reached"):
        await SipAgent(url, "x").calls()


async def test_events_go_on_where_a_connection_broke(tmp_path: Path) -> None:
    tokens = Tokens()
    async with without_workers(tmp_path, PLAN, tokens) as server:
        happens(server, call("one"))
        address = server.gateway.http.address
        assert address is not None
        async with (
            unsteady(address) as (url, broken),
            SipAgent(url, tokens.of["viewer"]) as api,
        ):
            stream = api.events("one", after=0)
            told = [await anext(stream) for _ in range(3)]
            broken()
            happens(server, [said("one", "while nobody could hear")])
            told.append(await anext(stream))
            broken()
            happens(server, [CallEnded(call_id="one")])
            told += [item async for item in stream]
    assert [item.seq for item in told] == [1, 2, 3, 4, 5]
    assert isinstance(told[3].event, Said)
    assert isinstance(told[4].event, CallEnded)


async def test_a_stream_of_a_revoked_token_ends_with_the_reason(tmp_path: Path) -> None:
    tokens = Tokens()
    async with without_workers(tmp_path, PLAN, tokens) as server:
        happens(server, call("one"))
        address = server.gateway.http.address
        assert address is not None
        async with SipAgent(f"http://{address[0]}:{address[1]}", tokens.of["viewer"]) as api:
            for call_id in (None, "one"):
                server.gateway.http.reload(tokens.api)
                stream = api.events(call_id, after=0)
                await anext(stream)
                server.gateway.http.reload(tokens.api.model_copy(update={"tokens": {}}))
                with pytest.raises(ApiError) as cut:
                    while True:
                        await anext(stream)
                assert cut.value.status in (401, 429)


async def test_what_the_page_about_it_shows_works(tmp_path: Path) -> None:
    shown: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL):
        exec(block, shown)
    tokens = Tokens()
    async with without_workers(tmp_path, PLAN, tokens) as server:
        at = datetime(2026, 7, 14, 12, tzinfo=UTC)
        began = CallStarted(call_id="two", at=at, caller="sip:bob@x", callee="200")
        happens(server, [began, CallEnded(call_id="two", at=at, status=486)])
        happens(server, call("one"))
        address = server.gateway.http.address
        assert address is not None
        url, token = f"http://{address[0]}:{address[1]}", tokens.of["operator"]
        assert await shown["busy_today"](url, token) == ["sip:bob@x"]
        # no worker has the call: it is out of reach
        await asyncio.to_thread(shown["hang_up_all"], url, token)
        with pytest.raises(Forbidden):
            await shown["call_and_listen"](url, token, "+4420")
    for name in re.findall(r"`(\w+)\(", DOC.read_text()):
        assert hasattr(SipAgent, name), name
        assert hasattr(BlockingSipAgent, name), name


def test_the_blocking_face_is_the_other_one_word_for_word() -> None:
    text = (FOLDER / "client.py").read_text()
    for here, there in (
        ("import asyncio\n", "import time\n"), ("asyncio.sleep", "time.sleep"), ("await ", ""),
        ("async def ", "def "), ("async with", "with"), ("async for", "for"), ("__aen", "__en"),
        ("AsyncIterator", "Iterator"), ("AsyncClient", "Client"), ("aclose", "close"),
        (".aread()", ".read()"), ("aiter_lines", "iter_lines"), ("__aexit", "__exit"),
        ("aiter_bytes", "iter_bytes"), ("an async context", "a context"),
        ("class SipAgent:", "class BlockingSipAgent:"),
    ):  # fmt: skip
        text = text.replace(here, there)
    text = re.sub(r"for (\w+) in (.*):\n\s+yield \1\n", r"yield from \2\n", text)
    blocking = (FOLDER / "blocking.py").read_text()
    ours, theirs = (ast.parse(source).body for source in (text, blocking))
    # but for the first line, and the order of what is imported
    assert [ast.dump(n) for n in ours[1:] if not isinstance(n, ast.Import)] == [
        ast.dump(n) for n in theirs[1:] if not isinstance(n, ast.Import)
    ]


def test_it_brings_no_telephony_along() -> None:
    heavy = {"pjsua2", "aiortc", "fastapi", "sqlalchemy", "numpy", "quickjs", "av"}
    code = f"import sys, sipagent.client; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
