"""Two gateways as processes, with real calls: what is asked of one is done by the other, and a node
that stood still does not act for all when it wakes.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sipagent.testing.http_door import Tokens
from sipagent.testing.mortal import MortalServer
from sipagent.testing.nats import NatsServer
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.postgres import postgres
from sipagent.testing.registrar import Registrar

pytestmark = [
    *(pytest.mark.peer, pytest.mark.slow),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("processes"),
]

PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {record_call: {stereo: true}}, {play: "silence:120"}, hangup]
"""
PATIENCE = 90.0


class Gateway:
    """A process, and its API."""

    def __init__(self, name: str, server: MortalServer, http: httpx.AsyncClient) -> None:
        self.name, self.server, self.http = name, server, http

    async def json(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, path: str, wanted: Any) -> Any:
        """What the API says there once it is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.http.get(path)
                if answer.status_code == 200 and wanted(found := answer.json()):
                    return found
                await asyncio.sleep(0.1)


@asynccontextmanager
async def gateway(
    name: str, folder: Path, nats: str, database: str, **more: Any
) -> AsyncIterator[Gateway]:
    tokens, port = Tokens(), free_port()
    api = {"port": port, "tokens": {"t": {"hash": _hash(tokens), "role": "admin"}}}
    settings = {
        "api": api,
        "cluster": {"node": name, "nats": {"servers": nats}},
        "store": {"database": database, "bundles": "calls"},
        "limits": {"warm": 1, "claim_seconds": 60},
        **more,
    }
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            MortalServer(folder / name, {"plan": PLAN}, **settings)
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {tokens.of['admin']}"},
                timeout=PATIENCE,
            )
        )
        yield Gateway(name, server, http)


def _hash(tokens: Tokens) -> str:
    return tokens.api.tokens["admin"].hash  # type: ignore[return-value]


def _lives(name: str) -> Any:
    return lambda seen: any(n["node"] == name and n["state"] == "up" for n in seen["nodes"])


async def test_a_call_of_one_gateway_is_heard_spoken_to_and_ended_by_the_other(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer())
        database = await stack.enter_async_context(postgres())
        a = await stack.enter_async_context(gateway("a", tmp_path, nats.url, database))
        b = await stack.enter_async_context(gateway("b", tmp_path, nats.url, database))
        phone = await stack.enter_async_context(Phone(user="alice"))
        await b.until("/v1/nodes", _lives("a"))
        call = await phone.dial(a.server.uri("100"))
        await call.wait_answered(PATIENCE)
        listed = await b.until("/v1/calls", lambda seen: any(c["recording"] for c in seen["calls"]))
        (view,) = listed["calls"]
        assert (view["node"], view["state"]) == ("a", "up")
        call_id = view["call_id"]
        held = await b.http.post(f"/v1/calls/{call_id}/verbs/send_digits", json={"digits": "1"})
        assert (held.status_code, held.json()["ok"]) == (200, True), held.text
        ended = await b.http.post(f"/v1/calls/{call_id}/verbs/hangup", json={})
        assert ended.status_code == 200, ended.text
        async with asyncio.timeout(PATIENCE):
            await call.ended
        record = await b.until(f"/v1/records/{call_id}", lambda seen: seen["ended"] is not None)
        (name,) = record["recordings"]
        sound = await b.http.get(f"/v1/calls/{call_id}/recordings/{name}")
        assert sound.status_code == 200, sound.text
        assert sound.content == (a.server.folder / "calls" / call_id / name).read_bytes()
        # killed, and nobody's call: its record is there, its files are not, and that is said
        await a.server.kill()
        await b.until("/v1/nodes", lambda seen: not _lives("a")(seen))
        assert (await b.json(f"/v1/calls/{call_id}"))["state"] == "ended"
        gone = await b.http.get(f"/v1/calls/{call_id}/recordings/{name}")
        assert (gone.status_code, gone.json()["type"]) == (503, "urn:sipagent:problem:node-gone")


async def test_a_holder_that_stood_still_does_not_register_when_it_wakes(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer())
        database = await stack.enter_async_context(postgres())
        pbx = await stack.enter_async_context(Registrar(grants=4))
        trunk = {
            "host": pbx.address[0], "port": pbx.address[1], "username": "7000",
            "password": "secret", "registration": {"expires": 60, "retry_seconds": 0.5},
        }  # fmt: skip
        more = {"trunks": {"pbx": trunk}}
        a = await stack.enter_async_context(gateway("a", tmp_path, nats.url, database, **more))
        await pbx.until(lambda: bool(_granted(pbx)), PATIENCE)
        b = await stack.enter_async_context(gateway("b", tmp_path, nats.url, database, **more))
        await b.until("/v1/nodes", _registers("a"))
        before = _granted(pbx)
        first = before[-1]
        a.server.signal(signal.SIGSTOP)
        try:
            await pbx.until(lambda: len(_granted(pbx)) > len(before), PATIENCE)
        finally:
            a.server.signal(signal.SIGCONT)
        woken = len(pbx.registers)
        await a.until("/v1/trunks", lambda seen: seen["trunks"][0]["registration"] == "elsewhere")
        await pbx.until(lambda: len(pbx.registers) > woken + 2, PATIENCE)
        assert first not in {r.call_id for r in pbx.registers[woken:]}
        assert await a.until("/v1/trunks", lambda seen: seen["trunks"][0]["node"])
        # it leaves in good order: the other one registers within moments
        b.server.signal(signal.SIGTERM)
        await a.until("/v1/trunks", lambda seen: seen["trunks"][0]["registration"] == "registered")


def _granted(pbx: Registrar) -> list[bytes]:
    """Call-IDs of those who registered with credentials, in the order in which they began."""
    proven = (r for r in pbx.registers if r.get(b"authorization") is not None)
    return list(dict.fromkeys(r.call_id for r in proven))


def _registers(name: str) -> Any:
    return lambda seen: any(n["node"] == name and n["registers"] == ["pbx"] for n in seen["nodes"])
