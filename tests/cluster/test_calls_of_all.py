"""The calls of all nodes by any node's HTTP API: over a real nats-server, and records that are in
a real PostgreSQL. Calls are told by events; those with workers are in test_two_gateways.py.
"""

import asyncio
import io
import json
import wave
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sipagent.app.node import Node
from sipagent.config import Store
from sipagent.events import (
    CallEnded,
    CallStarted,
    LegChanged,
    RecordingStarted,
    RecordingStopped,
    Said,
)
from sipagent.testing.http_door import Tokens, happens, without_workers
from sipagent.testing.nats import NatsServer
from sipagent.testing.postgres import postgres
from sipagent.testing.server import Server
from tests.api.door import base

pytestmark = pytest.mark.peer
PLAN = "sections: {main: [answer]}"
PATIENCE = 60.0


@dataclass
class Member:
    """A gateway of the cluster, and its API."""

    name: str
    server: Server
    http: httpx.AsyncClient

    @property
    def node(self) -> Node:
        node = self.server.gateway.node
        assert isinstance(node, Node)
        return node

    async def get(self, path: str, status: int = 200) -> httpx.Response:
        """What it answers: a node that is slow on a loaded machine is rightly told as silent, and
        asked again.
        """
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.http.get(path)).status_code == 504:
                pass
        assert answer.status_code == status, answer.text
        return answer

    async def json(self, path: str) -> Any:
        return (await self.get(path)).json()

    async def calls(self) -> dict[str, str]:
        """Live calls and their nodes, when all have answered."""
        async with asyncio.timeout(PATIENCE):
            while (listed := await self.json("/v1/calls"))["silent"]:
                pass
        return {call["call_id"]: call["node"] for call in listed["calls"]}

    async def sees(self, *others: str) -> None:
        """Wait until exactly these other nodes live for it."""
        async with asyncio.timeout(PATIENCE):
            while self.node.nodes.live != sorted(others):
                await asyncio.sleep(0.02)

    async def states(self) -> dict[str, str]:
        return {node["node"]: node["state"] for node in (await self.json("/v1/nodes"))["nodes"]}


@dataclass
class ClusterOf:
    """Two nodes, and what they talk by."""

    a: Member
    b: Member
    nats: NatsServer


@asynccontextmanager
async def member(
    name: str, folder: Path, nats: NatsServer, database: str, tokens: Tokens
) -> AsyncIterator[Member]:
    store = Store(database=database, bundles=folder / name / "bundles")
    cluster = {"node": name, "nats": {"servers": nats.url}}
    async with without_workers(folder / name, PLAN, tokens, store=store, cluster=cluster) as server:
        gateway = server.gateway
        gateway.node.start()
        headers = {"authorization": f"Bearer {tokens.of['admin']}"}
        try:
            async with httpx.AsyncClient(
                base_url=base(server), headers=headers, timeout=PATIENCE
            ) as http:
                yield Member(name, server, http)
        finally:
            await gateway.node.close()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterOf]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres())
        nats = await stack.enter_async_context(NatsServer())
        tokens = Tokens()
        a, b = [
            await stack.enter_async_context(member(name, tmp_path, nats, database, tokens))
            for name in ("a", "b")
        ]
        await a.sees("b")
        await b.sees("a")
        yield ClusterOf(a, b, nats)


def began(call_id: str) -> list[Any]:
    now = datetime.now(UTC)
    return [
        CallStarted(call_id=call_id, at=now, caller="sip:alice@x", callee="sip:100@y", plan="plan"),
        LegChanged(
            call_id=call_id, at=now, leg="caller", role="caller", remote="sip:alice@x",
            state="confirmed", sip_call_id=f"sip-{call_id}",
        ),
    ]  # fmt: skip


def said(call_id: str, text: str) -> Said:
    return Said(call_id=call_id, speaker="caller", text=text, start=0, end=500)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():
            await asyncio.sleep(0.05)


async def test_a_call_of_one_node_is_seen_by_another(cluster: ClusterOf) -> None:
    a, b = cluster.a, cluster.b
    happens(a.server, [*began("one"), said("one", "Hello there.")])
    happens(b.server, began("two"))
    for here in (a, b):
        assert await here.calls() == {"one": "a", "two": "b"}
    view = await b.json("/v1/calls/one")
    assert (view["node"], view["state"], view["last_words"]) == ("a", "up", "Hello there.")
    lines = (await b.json("/v1/calls/one/transcript"))["lines"]
    assert [line["text"] for line in lines] == ["Hello there."]
    await b.get("/v1/calls/none", 404)


async def test_an_order_for_a_call_of_another_node_comes_back_with_the_truth(
    cluster: ClusterOf,
) -> None:
    happens(cluster.a.server, began("one"))
    asked = await cluster.b.http.post("/v1/calls/one/verbs/send_digits", json={"digits": "1"})
    # nobody has its worker here: what that node says is what is told
    assert (asked.status_code, asked.json()["type"]) == (409, "urn:sipagent:problem:call-over")
    wrong = await cluster.b.http.post("/v1/calls/one/verbs/send_digits", json={"digits": "x"})
    assert wrong.status_code == 422


async def test_events_of_a_call_are_followed_from_another_node(cluster: ClusterOf) -> None:
    a, b = cluster.a, cluster.b
    happens(a.server, began("one"))
    found = asyncio.ensure_future(stream(b, "/v1/calls/one/events?after=1"))
    happens(a.server, [said("one", "First."), said("one", "Second.")])
    happens(a.server, [CallEnded(call_id="one", at=datetime.now(UTC))])
    async with asyncio.timeout(PATIENCE):
        told = await found
    assert [(number, event["type"]) for number, event in told] == [
        (2, "leg_changed"), (3, "said"), (4, "said"), (5, "call_ended"),
    ]  # fmt: skip


async def test_one_stream_tells_the_events_of_all_nodes_and_goes_on_at_any(
    cluster: ClusterOf,
) -> None:
    a, b = cluster.a, cluster.b
    begin = max(a.server.gateway.live.feed.mark(), b.server.gateway.live.feed.mark())
    happens(a.server, began("one"))
    happens(b.server, began("two"))
    happens(a.server, [said("one", "Hello.")])
    path = f"/v1/events?types=call_started,said&after={begin}"
    by_a, by_b = await asyncio.gather(stream(a, path, most=3), stream(b, path, most=3))
    assert by_a == by_b, "the same events under the same numbers"
    assert [event["call_id"] for _, event in by_a] == ["one", "two", "one"]
    rest = await stream(b, f"/v1/events?types=call_started,said&after={by_a[0][0]}", most=2)
    assert rest == by_a[1:]


async def test_a_recording_and_a_bundle_are_had_from_the_node_that_has_them(
    cluster: ClusterOf,
) -> None:
    a, b = cluster.a, cluster.b
    folder = a.server.folder / "bundles" / "one"
    folder.mkdir(parents=True)
    with wave.open(str(folder / "r.wav"), "wb") as sound:
        sound.setparams((2, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(range(256)) * 4000)
    recorded = (folder / "r.wav").read_bytes()
    stopped = RecordingStopped(call_id="one", control_id="r", path="r.wav", duration_ms=1000)
    running = RecordingStarted(call_id="one", control_id="r", path=stopped.path)
    happens(a.server, [*began("one"), running, stopped])
    live = await b.get("/v1/calls/one/recordings/r.wav")
    assert live.content == recorded
    part = await b.http.get(
        "/v1/calls/one/recordings/r.wav", headers={"range": "bytes=300000-300099"}
    )
    assert (part.status_code, part.content) == (206, recorded[300_000:300_100])
    await b.get("/v1/calls/one/recordings/x.wav", 404)
    await b.get("/v1/calls/one/bundle", 409)
    happens(a.server, [CallEnded(call_id="one", at=datetime.now(UTC))])

    async def over() -> bool:
        found = await b.http.get("/v1/records/one")
        return found.status_code == 200 and found.json()["ended"] is not None

    await until(over)
    await until(lambda: whole(folder))
    packed = await b.get("/v1/calls/one/bundle")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as bundle:
        (sound_file,) = [name for name in bundle.namelist() if name.endswith("r.wav")]
        assert bundle.read(sound_file) == recorded
    assert not list(b.server.folder.rglob("*.wav")), "nothing of it is kept there"


async def whole(folder: Path) -> bool:
    return (folder / "call.json").exists()


async def test_a_node_that_is_gone_is_told_and_nothing_is_made_up(cluster: ClusterOf) -> None:
    a, b = cluster.a, cluster.b
    happens(a.server, began("one"))
    await a.server.gateway.store.flush()
    opened = asyncio.Event()
    following = asyncio.ensure_future(stream(b, "/v1/calls/one/events?after=2", opened=opened))
    async with asyncio.timeout(PATIENCE):
        await opened.wait()
    # as if it were killed: nobody says good-bye
    a.node.nodes._telling.cancel()  # type: ignore[union-attr]
    a.node.bus._keeping.cancel()  # type: ignore[union-attr]
    await b.sees()
    assert (await b.states())["a"] == "gone"
    listed = await b.json("/v1/calls")
    (view,) = listed["calls"]
    assert (view["call_id"], view["node"], view["node_gone"]) == ("one", "a", True)
    assert (await b.json("/v1/calls/one"))["node_gone"] is True
    asked = await b.http.post("/v1/calls/one/verbs/hangup", json={})
    assert (asked.status_code, asked.json()["type"]) == (503, "urn:sipagent:problem:node-gone")
    async with asyncio.timeout(PATIENCE):
        (problem,) = await following
    assert problem[1]["type"].startswith("urn:sipagent:problem:node-")


async def test_without_nats_calls_go_on_and_it_is_told(cluster: ClusterOf) -> None:
    a, b = cluster.a, cluster.b
    happens(a.server, began("one"))
    await cluster.nats.stop()
    await until(lambda: unknown(b))
    seen = await b.json("/v1/nodes")
    assert (seen["bus"]["connected"], seen["bus"]["why"]) != (True, "")
    happens(a.server, [said("one", "Still here.")])
    assert (await a.json("/v1/calls/one"))["last_words"] == "Still here."
    asked = await b.http.post("/v1/calls/one/verbs/hangup", json={})
    assert asked.json()["type"].startswith("urn:sipagent:problem:node-")
    await cluster.nats.start()
    await a.sees("b")
    await b.sees("a")

    async def back() -> bool:
        return (await b.states())["a"] == "not ready"  # it has no workers here

    await until(back)
    assert (await b.json("/v1/calls/one"))["last_words"] == "Still here."


async def unknown(here: Member) -> bool:
    return set((await here.states()).values()) >= {"unknown"}


async def stream(
    here: Member, path: str, most: int = 1000, opened: asyncio.Event | None = None
) -> list[tuple[int, dict[str, Any]]]:
    """Numbers and events of an SSE stream until its end, or so many of them; `opened` once it is
    there.
    """
    told: list[tuple[int, dict[str, Any]]] = []
    number, kind = 0, ""
    async with asyncio.timeout(PATIENCE), here.http.stream("GET", path) as answer:
        assert answer.status_code == 200
        if opened is not None:
            opened.set()
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                data = json.loads(value)
                data.pop("detail", None)
                if kind != "gap":
                    told.append((number, data))
                if len(told) == most:
                    break
    return told
