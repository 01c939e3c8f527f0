"""Two servers behind a real Kamailio, with real PostgreSQL and NATS: one killed, one emptied."""

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from sipagent.api.keyring import new_token
from sipagent.testing.front import front
from sipagent.testing.kamailio import Kamailio
from sipagent.testing.mortal import MortalServer, until
from sipagent.testing.nats import NatsServer
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.postgres import postgres
from sipagent.testing.registrar import Registrar

from .calling import Seen, call

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]
CALLS, A_SECOND = 200, 6.0
CALLERS = "127.0.5.1"
PLANS = {
    "stays": """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
""",
    "connects": """
routes: [{to: "300"}]
policy: {destinations: ["sip:*@phones"]}
sections:
  main: [{connect: {to: "201"}}, hangup]
""",
}


class Node(MortalServer):
    """A server of the cluster, at an address of its own."""

    def __init__(self, folder: Path, name: str, host: str, settings: dict[str, Any]) -> None:
        super().__init__(folder, PLANS, **settings)
        self.name, self.host = name, host
        self._settings["sip"] = {
            "listen": [{"transport": "udp", "host": host, "port": self.port}],
            "guests": ["127.0.5.0/24"],
        }
        place = f"{host}:{self.port}"
        self._settings["cluster"] = {**settings["cluster"], "node": name, "sip": place}
        self.api = free_port()
        self._settings["api"] = {**settings["api"], "port": self.api}

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


class Cluster:
    """All of it."""

    def __init__(self, nodes: list[Node], kamailio: Kamailio, pbx: Registrar, url: str) -> None:
        self.nodes, self.kamailio, self.pbx, self.url = nodes, kamailio, pbx, url
        self.front = ("127.0.0.1", kamailio.port)
        self.token = ""

    def node(self, host: str) -> Node:
        return next(node for node in self.nodes if node.host == host)

    def other(self, node: Node) -> Node:
        return next(one for one in self.nodes if one is not node)

    async def active(self, *nodes: Node) -> None:
        """Wait until exactly these are given calls."""
        wanted = {f"sip:{node.place}" for node in nodes}
        async with asyncio.timeout(60):
            while await self._active() != wanted:
                await asyncio.sleep(0.1)

    async def _active(self) -> set[str]:
        words = (await self.kamailio.command("dispatcher.list")).split()
        flags = [words[n + 1] for n, word in enumerate(words) if word == "FLAGS:"]
        uris = [words[n + 1] for n, word in enumerate(words) if word == "URI:"]
        return {u for u, flag in zip(uris, flags, strict=True) if flag.startswith("A")}

    async def get(self, node: Node, path: str) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(headers=headers, timeout=20) as http:
            answer = await http.get(f"http://127.0.0.1:{node.api}{path}")
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def records(self) -> Counter[str]:
        """How many records of calls that are over there are of each caller."""
        dsn = self.url.replace("+asyncpg", "")
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch("select caller from calls where status is not null")
        finally:
            await connection.close()
        return Counter(str(row[0]).partition(":")[2].partition("@")[0] for row in rows)


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(postgres())
        nats = await stack.enter_async_context(NatsServer())
        pbx = await stack.enter_async_context(Registrar())
        token, digest = new_token()
        port = free_port()
        settings = {
            "store": {"database": url, "bundles": "calls"},
            # patient, as the machine may be busy with other tests
            "limits": {"calls": 60, "warm": 6, "claim_seconds": 20},
            "api": {"tokens": {"test": {"hash": digest, "role": "admin"}}},
            "cluster": {
                "nats": {"servers": [nats.url]},
                "front": {"address": f"127.0.0.1:{port}", "trusted": ["127.0.0.1/32"]},
            },
            "phones": {"201": {"password": "pw201"}},
            "trunks": {
                "carrier": {
                    "host": pbx.address[0], "port": pbx.address[1], "username": "7000",
                    "password": "secret", "registration": {"expires": 60, "retry_seconds": 1},
                }
            },
        }  # fmt: skip
        nodes = []
        for number, (name, host) in enumerate({"a": "127.0.0.11", "b": "127.0.0.12"}.items()):
            ports = {"first": 21_000 + 2_000 * number, "last": 22_900 + 2_000 * number}
            nodes.append(Node(folder / name, name, host, {**settings, "rtp": ports}))
        places = {node.name: node.place for node in nodes}
        patient = {"ping_seconds": 2, "patience_ms": 2000}
        kamailio = await stack.enter_async_context(front(places, port=port, **patient))
        await asyncio.gather(*map(stack.enter_async_context, nodes))
        made = Cluster(nodes, kamailio, pbx, url)
        made.token = token
        await made.active(*nodes)
        yield made


async def test_a_node_that_is_killed_costs_no_record_and_a_node_that_is_emptied_no_call(
    tmp_path: Path,
) -> None:
    async with cluster(tmp_path) as made:
        await made.pbx.until(lambda: len(made.pbx.registers) >= 2, timeout=30)
        await _a_node_tells_who_is_there(made)
        await _a_phone_is_called_by_both(made)
        chance = random.Random(7)
        seen: list[Seen] = []
        killed: Node | None = None
        killed_at = 0.0
        async with asyncio.TaskGroup() as group:
            for number in range(CALLS):
                if number == CALLS // 2:
                    killed, killed_at = await _kill_the_registered(made), time.monotonic()
                one = Seen(f"c{number:03}", time.monotonic())
                seen.append(one)
                hold = chance.uniform(0.5, 2.5)
                group.create_task(call(one.caller, made.front, host=CALLERS, hold=hold, seen=one))
                await asyncio.sleep(1 / A_SECOND)
        assert killed is not None
        alive = made.other(killed)
        before = [one for one in seen if one.began < killed_at]
        after = [one for one in seen if one.began >= killed_at]
        # both had their share
        share = Counter(one.node for one in before if one.answered is not None)
        assert min(share[node.host] for node in made.nodes) >= 0.3 * len(before), share
        # whoever called after the kill was answered by the node that lives, and soon
        served = [one for one in after if one.answered is not None]
        assert {(one.node, one.ended) for one in served} == {(alive.host, True)}
        # on a busy machine it may refuse rather than be late, and that alone is an excuse
        told = Counter(one.status for one in after)
        assert told.keys() <= {200, 503}, told
        for one in after:
            if one.status == 503:
                assert _refused_by_both(made.kamailio.log, one.caller), made.kamailio.log[-3000:]
        assert len(served) >= 0.8 * len(after), (told, made.kamailio.log[-3000:])
        first = min(one.answered or 0.0 for one in served)
        assert first - killed_at < 5.0
        # whoever talked on the other node noticed nothing
        assert all(one.ended for one in before if one.node == alive.host)
        await _taken_over(made)
        await _all_on_record(made, seen, killed, alive)
        await _emptied(made, alive)


def _refused_by_both(log: str, caller: str) -> bool:
    """The front asked the node that lives as well, and it said 503 or nothing for two seconds; or
    its last answer to OPTIONS was such.
    """
    told = [line for line in log.splitlines() if f" {caller}@" in line]
    silent = sum("node 408, " in line for line in told)
    words = ("node 503, ", "no node takes calls")
    return silent == 2 or any(word in line for line in told for word in words)


async def _a_node_tells_who_is_there(made: Cluster) -> None:
    asking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sipagent", "cluster", "kamailio"),
        cwd=made.nodes[0].folder,
        env={**os.environ, "SIPAGENT_TOKEN": made.token},
        stdout=PIPE,
        stderr=STDOUT,
    )
    told, _ = await asyncio.wait_for(asking.communicate(), 60)
    for node in made.nodes:
        assert f"1 sip:{node.place} 0 0 duid={node.name}\n".encode() in told, told


async def _a_phone_is_called_by_both(made: Cluster) -> None:
    """It registered once, by TCP, through one of them."""
    async with Phone(user="201", password="pw201", transport="tcp") as phone:
        await phone.register(f"sip:{made.kamailio.address};transport=tcp")
        nodes = set()
        for number in range(4):
            seen = Seen(f"p{number}", time.monotonic())
            calling = asyncio.create_task(
                call(seen.caller, made.front, host=CALLERS, hold=None, seen=seen, number="300")
            )
            ringing = await phone.wait_call(number + 1, timeout=30)
            await ringing.wait_answered()
            await until(lambda: seen.answered is not None)  # noqa: B023
            nodes.add(seen.node)
            seen.hang_up.set()
            await calling
            await ringing.wait_ended()
            assert seen.ended
        assert nodes == {node.host for node in made.nodes}


async def _kill_the_registered(made: Cluster) -> Node:
    """SIGKILL to the one node that holds the trunk's registration."""
    async with asyncio.timeout(40):
        while len(holders := [n for n in made.nodes if await _registered(made, n)]) != 1:
            await asyncio.sleep(0.2)
    await holders[0].kill()
    return holders[0]


async def _registered(made: Cluster, node: Node) -> bool:
    (trunk,) = (await made.get(node, "/v1/trunks"))["trunks"]
    return bool(trunk["registration"] == "registered")


async def _taken_over(made: Cluster) -> None:
    """Another node registers, and its Contact is the front, too."""
    first = made.pbx.registers[0].call_id
    await made.pbx.until(lambda: made.pbx.registers[-1].call_id != first, timeout=40)
    last = made.pbx.registers[-1]
    assert f"@{made.kamailio.address}" in last.text(b"contact").decode()


async def _all_on_record(made: Cluster, seen: list[Seen], killed: Node, alive: Node) -> None:
    """Started again, the dead node has what it had not told yet; nothing is lost nor doubled."""
    await killed.start()
    await made.active(*made.nodes)
    over = {one.caller for one in seen if one.ended}
    async with asyncio.timeout(60):
        while not over <= set(await made.records()):
            await asyncio.sleep(0.5)
    counts = await made.records()
    assert {caller: counts[caller] for caller in over} == dict.fromkeys(over, 1)
    shown: set[str] = set()
    page = await made.get(alive, "/v1/records?limit=100")
    while True:
        shown |= {one["caller"].partition(":")[2].partition("@")[0] for one in page["records"]}
        if not page["after"]:
            break
        page = await made.get(alive, f"/v1/records?limit=100&after={page['after']}")
    assert over <= shown


async def _runs(process: Process) -> bool:
    return process.returncode is None


async def _emptied(made: Cluster, node: Node) -> None:
    """Live calls of a node that is drained end by their own BYE, and then it can be stopped."""
    seen: list[Seen] = [Seen(f"d{n}", time.monotonic()) for n in range(6)]
    async with asyncio.TaskGroup() as group:
        for one in seen:
            group.create_task(call(one.caller, made.front, host=CALLERS, hold=None, seen=one))
        await until(lambda: all(one.status for one in seen))
        mine = [one for one in seen if one.node == node.host]
        assert mine
        draining = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sipagent", "cluster", "drain", node.name, "--wait"),
            cwd=made.other(node).folder,  # any node will do
            env={**os.environ, "SIPAGENT_TOKEN": made.token},
            stdout=PIPE,
            stderr=STDOUT,
        )
        await made.active(made.other(node))
        later = [Seen(f"e{n}", time.monotonic()) for n in range(4)]
        async with asyncio.TaskGroup() as others:
            for one in later:
                others.create_task(call(one.caller, made.front, host=CALLERS, hold=0.5, seen=one))
        taken = [one for one in later if one.answered is not None]
        assert {(one.node, one.ended) for one in taken} == {(made.other(node).host, True)}
        assert await _runs(draining)
        for one in seen:
            one.hang_up.set()
    assert all(one.ended for one in seen if one.answered is not None)
    told, _ = await asyncio.wait_for(draining.communicate(), 60)
    assert draining.returncode == 0, told
    assert b"0 calls live" in told
    node.signal(signal.SIGTERM)
    assert await node.exited() == 0
