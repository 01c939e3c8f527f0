"""Programs of the package at a server's API: `sipagent mcp` over stdio, `originate`, `token`."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from sipagent.api.calls import CallOver, NotUnderstood, Principal, UnknownCall
from sipagent.api.keyring import Keyring, new_token
from sipagent.client import ServerAway, Unauthorised
from sipagent.client.remote import RemoteCalls
from sipagent.config import ROLES, Api
from sipagent.events import CallStarted, OutsideAsked
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.server import running
from sipagent.testing.sounding import dial, the

from .door import FEW, Tokens, base

PLAN = """
routes: [{to: "200"}]
sections:
  main: [answer, {record_call: {}}, {play: "silence:60"}, hangup]
  brief: [{play: "silence:0.1"}, hangup]
"""
POLICY = {"destinations": ["sip:bob@127.0.0.1:*"]}
ME = Principal("api:me")


@pytest.mark.slow
async def test_a_client_over_stdio_drives_a_call_and_the_command_line_makes_one(
    tmp_path: Path,
) -> None:
    tokens = Tokens(policy=POLICY)
    async with (
        Phone(user="alice") as alice,
        Phone(user="bob") as bob,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server,
    ):
        environment = {**os.environ, "SIPAGENT_TOKEN": tokens.of["admin"]}
        command = ["-m", "sipagent", "mcp", "--url", base(server)]
        program = StdioServerParameters(command=sys.executable, args=command, env=environment)
        call = await dial(alice, server, "200")
        started: CallStarted = await the(server, CallStarted)
        making = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sipagent", "originate", bob.uri, "--section", "brief",
            "--url", base(server), "--json", env=environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with Client(stdio_client(program), read_timeout_seconds=60) as client:
            calls = await client.call_tool("list_calls", {})
            assert calls.structured_content is not None
            known = [call["call_id"] for call in calls.structured_content["calls"]]
            assert started.call_id in known
            here = {"call_id": started.call_id}
            wrong = await client.call_tool("transfer_call", {**here, "section": "nowhere"})
            assert wrong.is_error
            stopped = await client.call_tool("stop_recording", {**here, "name": "recording"})
            assert not stopped.is_error, stopped.content
            sound = await client.read_resource(f"call://{started.call_id}/recording")
            (content,) = sound.contents
            assert base64.b64decode(getattr(content, "blob", "")).startswith(b"RIFF")
            ended = await client.call_tool("hangup_call", here)
            assert not ended.is_error, ended.content
        await call.wait_ended()
        asked = [event for event in server.events if isinstance(event, OutsideAsked)]
        assert {event.by for event in asked if event.verb == "hangup"} == {"mcp:admin"}
        said, _ = await making.communicate()
        report = json.loads(said)
        assert making.returncode == 0
        assert (report["direction"], report["state"], report["ended_by"]) == (
            "outbound",
            "ended",
            "plan",
        )
        assert report["answered"] is not None


async def test_what_a_server_says_no_to_is_the_same_from_afar(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        Phone(user="alice") as alice,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server,
        RemoteCalls(base(server), tokens.of["operator"]) as calls,
    ):
        call = await dial(alice, server, "200")
        started: CallStarted = await the(server, CallStarted)
        with pytest.raises(UnknownCall):
            await calls.get("nobody")
        with pytest.raises(UnknownCall):
            await anext(calls.events("nobody"))
        with pytest.raises(NotUnderstood) as wrong:
            await calls.do(started.call_id, "hold", {"timeout": 0}, ME)
        assert wrong.value.place == "timeout"
        # whoever does not wait any more does not want it any more
        playing = asyncio.create_task(calls.do(started.call_id, "play", {"url": "silence:60"}, ME))
        await the(server, OutsideAsked, verb="play")
        playing.cancel()
        audit = tmp_path / "bundles" / "audit.jsonl"
        await server.wait_for(lambda: audit.exists() and "not wanted" in audit.read_text())
        await call.hangup()
        await server.ended()
        with pytest.raises(CallOver):
            await calls.do(started.call_id, "hold", {}, ME)
        async with RemoteCalls(base(server), "sa_nobody_has_this_one") as nobody:
            with pytest.raises(Unauthorised, match="send Authorization"):
                await nobody.list()
    async with RemoteCalls(f"http://127.0.0.1:{free_port()}", "x") as nowhere:
        with pytest.raises(ServerAway, match="cannot be reached"):
            await nowhere.list()


async def test_a_made_token_fits_the_hash_that_was_made_with_it() -> None:
    token, digest = new_token()
    ring = Keyring(Api.model_validate({"tokens": {"me": {"hash": digest, "role": "viewer"}}}))
    found = ring.find(token)
    assert found is not None
    assert (found.name, found.scopes) == ("me", ROLES["viewer"])
    assert ring.find(token + "x") is None
    cut = ring.live(token)
    ring.reload(Api())
    assert cut.done()
