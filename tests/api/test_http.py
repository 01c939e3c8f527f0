"""The HTTP door: who may come in, what they read and do, and what they hear when it cannot be."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sipagent.api.audit import Audit, AuditedCalls
from sipagent.api.doors import Doors
from sipagent.api.server import CannotListen, HttpServer, build
from sipagent.client.remote import RemoteCalls
from sipagent.config import Api
from sipagent.events import CallStarted
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.sounding import dial, the
from sipagent.verbs.outside import OUTSIDE

from .door import FEW, Tokens, base, client

PLAN = """
routes: [{to: "200"}]
sections:
  main: [answer, {play: "silence:60"}, hangup]
"""


async def test_a_call_is_listed_followed_and_ended_by_http(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        Phone(user="alice") as alice,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server,
        client(server, tokens.of["operator"]) as http,
        client(server, tokens.of["viewer"]) as viewer,
    ):
        call = await dial(alice, server, "200")
        started: CallStarted = await the(server, CallStarted)
        here = f"/v1/calls/{started.call_id}"
        listed = (await http.get("/v1/calls")).json()["calls"]
        assert [(c["call_id"], c["state"]) for c in listed] == [(started.call_id, "up")]
        held = await http.post(f"{here}/verbs/hold", json={"timeout": 60})
        assert held.json() == {
            "ok": True,
            "detail": "the caller is on hold for 60 seconds at most",
            "status": None,
            "data": {},
        }
        # a viewer sees all of it and touches none of it
        seen = (await viewer.get(here)).json()
        assert seen["on_hold"] is True
        refused = await viewer.post(f"{here}/verbs/hangup", json={})
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
        assert "no scope calls:control" in refused.json()["detail"]
        wrong = await http.post(f"{here}/verbs/hold", json={"timeout": "long"})
        assert (wrong.status_code, wrong.json()["place"]) == (422, "body.timeout")
        none = await http.post(f"{here}/verbs/goto", json={"label": "x"})
        assert none.status_code == 422
        async with (
            connect(
                f"{base(server)}{here}/events?after=0".replace("http", "ws"),
                additional_headers={"authorization": f"Bearer {tokens.of['viewer']}"},
            ) as socket,
            http.stream("GET", f"{here}/events?types=call_started,call_ended&after=0") as sse,
        ):
            begun: list[Any] = [json.loads(await socket.recv()) for _ in range(3)]
            assert [item["seq"] for item in begun] == [1, 2, 3]
            assert (await http.post(f"{here}/verbs/hangup", json={})).json()["ok"]
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    last = json.loads(await socket.recv())
            assert last["event"]["type"] == "call_ended"
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1000
            text = "".join([chunk async for chunk in sse.aiter_text()])
            assert [line for line in text.splitlines() if line.startswith("event:")] == [
                "event: call_started",
                "event: call_ended",
            ]
        await call.wait_ended()
        assert (await server.ended()).reason == "api:operator hung up"
        over = await http.post(f"{here}/verbs/hold", json={})
        assert (over.status_code, over.json()["type"]) == (409, "urn:sipagent:problem:call-over")
        nobody = await http.get("/v1/calls/nobody")
        assert (nobody.status_code, nobody.json()["type"]) == (
            404,
            "urn:sipagent:problem:unknown-call",
        )
        audit = (tmp_path / "bundles" / "audit.jsonl").read_text().splitlines()
        acts = [json.loads(line) for line in audit]
        assert [(a["by"], a["act"], a["outcome"][:6]) for a in acts] == [
            ("api:operator", "hold", "ok"),
            ("api:operator", "hangup", "ok"),
            ("api:operator", "hold", "error:"),
        ]


async def test_nobody_comes_in_without_a_token_and_a_revoked_one_is_cut_off(
    tmp_path: Path,
) -> None:
    tokens = Tokens(requests_per_second=1000)
    async with running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server:
        async with httpx.AsyncClient(base_url=base(server)) as stranger:
            assert (await stranger.get("/healthz")).json() == {"status": "ok"}
            assert (await stranger.get("/readyz")).status_code == 200
            for path in ("/v1/calls", "/v1/openapi.json", "/nowhere", "/mcp"):
                refused = await stranger.get(path)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Bearer")
            with pytest.raises(InvalidStatus):
                await connect(f"{base(server)}/v1/events".replace("http", "ws")).__aenter__()
            bad = {"authorization": "Bearer sa_wrong"}
            # slower than two a second nobody guesses a token either
            statuses = {401}
            for _ in range(500):
                statuses.add((await stranger.get("/v1/calls", headers=bad)).status_code)
                if 429 in statuses:
                    break
            assert statuses == {401, 429}
        async with client(server, tokens.of["admin"]) as http:
            rebound = await http.get("/v1/calls", headers={"host": "evil.example"})
            assert rebound.status_code == 421
            page = await http.get("/v1/calls", headers={"origin": "https://evil.example"})
            assert page.status_code == 403
            big = await http.post("/v1/calls/x/verbs/say", content=b"x" * 300_000)
            assert big.status_code == 413
            async with (
                connect(
                    f"{base(server)}/v1/events".replace("http", "ws"),
                    additional_headers={"authorization": f"Bearer {tokens.of['admin']}"},
                ) as socket,
                http.stream("GET", "/v1/events") as sse,
            ):
                fewer = {n: t for n, t in tokens.api.tokens.items() if n != "admin"}
                server.gateway.http.reload(tokens.api.model_copy(update={"tokens": fewer}))
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(socket.recv(), 10)
                assert [c async for c in sse.aiter_text()] == []
            assert (await http.get("/v1/calls")).status_code in (401, 429)
        async with client(server, tokens.of["viewer"]) as http:
            assert (await http.get("/v1/calls")).status_code == 200
            server.gateway.http.reload(None)
            assert (await http.get("/v1/calls")).status_code in (401, 429)


async def test_the_document_says_what_every_verb_takes(tmp_path: Path) -> None:
    async with RemoteCalls("http://127.0.0.1:1", "x") as nowhere:
        calls = AuditedCalls(nowhere, Audit(tmp_path / "audit.jsonl"))
        document = build(Doors(calls, lambda: "")).openapi()
    assert document["openapi"].startswith("3.1")
    verbs = {p.rpartition("/")[2] for p in document["paths"] if "/verbs/" in p}
    assert verbs == set(OUTSIDE)
    hold = document["components"]["schemas"]["HoldVerb"]
    assert hold["properties"]["timeout"]["maximum"] == 3600


async def test_the_door_speaks_tls_and_says_why_it_cannot_be_opened(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    tls = {"certificate": chain, "key": key}
    settings = Api.model_validate({"port": 0, "tls": tls})
    async with RemoteCalls("http://127.0.0.1:1", "x") as nowhere:
        doors = Doors(AuditedCalls(nowhere, Audit(tmp_path / "audit.jsonl")), lambda: "full")
        server = HttpServer(doors, settings)
        await server.start()
        try:
            host, port = server.address
            async with httpx.AsyncClient(verify=trusting) as http:
                assert (await http.get(f"https://{host}:{port}/healthz")).status_code == 200
                ready = await http.get(f"https://{host}:{port}/readyz")
            assert (ready.status_code, ready.json()["detail"]) == (503, "full")
            taken = HttpServer(doors, settings.model_copy(update={"port": port}))
            with pytest.raises(CannotListen, match=f"{host}:{port}: Address already in use"):
                await taken.start()
        finally:
            await server.close()
        key.write_text("no key")
        with pytest.raises(CannotListen, match=r"api\.tls"):
            await HttpServer(doors, settings).start()


def test_a_token_is_a_secret_of_one_kind() -> None:
    with pytest.raises(ValueError, match="exactly one of token_env, token_file and hash"):
        Api.model_validate({"tokens": {"x": {"role": "viewer"}}})
    with pytest.raises(ValueError, match="a viewer has no calls:control"):
        Api.model_validate({"tokens": {"x": {"token_env": "X", "scopes": ["calls:control"]}}})
