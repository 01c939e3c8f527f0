"""One caller is erased at every node of a cluster, also at one that is away meanwhile."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from sipagent.config import Limits, Store
from sipagent.testing.http_door import Tokens, happens
from sipagent.testing.nats import NatsServer
from sipagent.testing.postgres import postgres
from sipagent.testing.server import Server, running
from tests.keeping.calls import BEN, PLAN, call, every_file, files_of

pytestmark = pytest.mark.peer
PATIENCE = 60.0
#: her number, her name, and what she said
TRACES = re.compile(rb"333\W?1234567|Esposito|Garibaldi")
WISH = {"caller": "+39 333 123 4567"}


class Member:
    """A gateway of the cluster, and its API."""

    def __init__(self, server: Server, http: httpx.AsyncClient) -> None:
        self.server, self.http = server, http

    async def had(self, *calls: str) -> None:
        """She called; each call left a bundle here and rows in the database."""
        await self.happened(*(call(call_id, at=datetime.now(UTC)) for call_id in calls))

    async def happened(self, *calls: Any) -> None:
        for events in calls:
            files_of(self.server.folder / "bundles" / events[0].call_id, events[4].text)
            happens(self.server, events)
        names = {events[0].call_id for events in calls}
        await self.server.wait_for(lambda: names <= set(self.server.bundles), PATIENCE)
        await self.server.gateway.store.flush()

    async def sees(self, *others: str) -> None:
        """Wait until exactly these other nodes live for it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                nodes = (await self.http.get("/v1/nodes")).json()
                up = {node["node"] for node in nodes["nodes"] if node["state"] == "up"}
                if up == {nodes["node"], *others}:
                    return
                await asyncio.sleep(0.05)

    async def erase(self, **more: Any) -> Any:
        answer = await self.http.post("/v1/erasures", json={**WISH, **more})
        assert answer.status_code == 200, answer.text
        assert not TRACES.search(answer.content)
        return answer.json()


@asynccontextmanager
async def member(
    name: str, folder: Path, nats: NatsServer, database: str, tokens: Tokens
) -> AsyncIterator[Member]:
    here = folder / name
    async with (
        running(
            here, PLAN, api=tokens.api, limits=Limits(warm=1),
            store=Store(database=database, bundles=here / "bundles"),
            cluster={"node": name, "nats": {"servers": nats.url}},
        ) as server,
        httpx.AsyncClient(
            base_url="http://{}:{}".format(*server.gateway.http.address or ("", 0)),
            headers={"authorization": f"Bearer {tokens.of['admin']}"},
            timeout=PATIENCE,
        ) as http,
    ):  # fmt: skip
        yield Member(server, http)


def left_in(folder: Path) -> list[Path]:
    """Files of a node in which she stands."""
    return [path for path, data in every_file(folder / "bundles") if TRACES.search(data)]


async def rows(database: str, table: str) -> list[str]:
    """A table of the database, a text each row."""
    connection = await asyncpg.connect(database.replace("+asyncpg", ""))
    try:
        return [str(row[0]) for row in await connection.fetch(f"select t::text from {table} t")]
    finally:
        await connection.close()


async def none_ordered(database: str) -> None:
    """Wait until no node has anything to erase."""
    async with asyncio.timeout(PATIENCE):
        while await rows(database, "erasures"):
            await asyncio.sleep(0.1)


async def scraped(members: tuple[Member, ...], sample: str) -> None:
    """Wait until one of them shows this to Prometheus."""
    async with asyncio.timeout(PATIENCE):
        while not any([sample in (await one.http.get("/metrics")).text for one in members]):
            await asyncio.sleep(0.1)


async def left_on_record(database: str) -> list[str]:
    """Rows in which she stands."""
    tables = ("calls", "events", "memories", "tolls", "erasures", "keepings")
    found = [row for table in tables for row in await rows(database, table)]
    return [row for row in found if TRACES.search(row.encode())]


async def test_erasing_at_one_node_leaves_nothing_at_the_others(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres())
        nats = await stack.enter_async_context(NatsServer())
        tokens = Tokens()
        a, b = [
            await stack.enter_async_context(member(name, tmp_path, nats, database, tokens))
            for name in ("a", "b")
        ]
        await a.sees("b")
        await a.had("at-a")
        await b.had("at-b")
        await b.happened(call("bens", BEN, words="umbrella"))
        assert left_in(tmp_path / "a") and left_in(tmp_path / "b")
        while (looked := await a.erase(dry_run=True))["nodes"][0]["state"] == "waiting":
            await asyncio.sleep(0.1)  # on a busy machine b may have been silent for seconds
        assert [(one["node"], one["state"]) for one in looked["nodes"]] == [("b", "looked")]
        assert {"bundles", "database"} <= {found["place"] for found in looked["nodes"][0]["found"]}
        assert left_in(tmp_path / "b")

        done = await a.erase()
        (share,) = done["nodes"]
        assert share["node"] == "b" and done["erased"]["bundles"]
        assert done["complete"] == (share["state"] == "done"), done
        await none_ordered(database)  # were it silent again, it would follow by itself
        assert left_in(tmp_path / "a") == left_in(tmp_path / "b") == []
        assert await left_on_record(database) == []
        assert (tmp_path / "b" / "bundles" / "bens").is_dir()
        # the chain of each node says so under one name
        await b.server.gateway.keeping.chronicle.flush()
        for name in "ab":
            chain = [d for p, d in every_file(tmp_path / name / "bundles") if ".audit" in str(p)]
            assert any(done["id"].encode() in data for data in chain)
        await scraped((a,), 'sipagent_node_up{node="b"} 1.0')
        await scraped((b,), 'sipagent_node_capacity{node="a"}')
        await scraped((a,), "sipagent_bus_connected 1.0")
        await scraped((a, b), 'sipagent_leases_held{kind="retention"} 1.0')


async def test_a_node_that_was_away_erases_when_it_is_back_and_newer_calls_stay(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres())
        nats = await stack.enter_async_context(NatsServer())
        tokens = Tokens()
        async with member("b", tmp_path, nats, database, tokens) as b:
            await b.had("at-b")
        a = await stack.enter_async_context(member("a", tmp_path, nats, database, tokens))
        await a.had("at-a")
        done = await a.erase()
        (share,) = done["nodes"]  # which a never heard: it knows of b by the record of its call
        assert (done["complete"], share["node"], share["state"]) == (False, "b", "waiting"), done
        assert left_in(tmp_path / "a") == [] and left_in(tmp_path / "b")
        assert len(await rows(database, "erasures")) == 1
        await a.had("newer")
        async with member("b", tmp_path, nats, database, tokens) as b:
            await none_ordered(database)
            assert left_in(tmp_path / "b") == []
            assert not any("at-b" in row for row in await rows(database, "calls"))
            # what she did since is another matter
            assert any("newer" in row for row in await rows(database, "calls"))
            assert (tmp_path / "a" / "bundles" / "newer").is_dir()
            await a.sees("b")
            again = await a.erase()
            assert again["calls"] == 1, again
            await none_ordered(database)
        assert await left_on_record(database) == []
        assert left_in(tmp_path / "a") == left_in(tmp_path / "b") == []
