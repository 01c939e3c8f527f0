"""MCP clients watch and drive live calls: the reference client in both eras, and fastmcp's."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import fastmcp
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import PromptReference, ResourceTemplateReference, ResourceUpdatedNotification

from sipagent.events import CallStarted, OutsideAsked, Said
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import dial, the

from .door import FEW, Tokens, base

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    intents:
      note: {phrases: ["what is the news"], say: "The shop closes early."}
policy: {destinations: ["sip:second@127.0.0.1:*"]}
sections:
  main: [answer, {ai: {agent: desk}}, {play: "silence:0.1"}, hangup]
"""
Era = Literal["auto", "legacy"]


@asynccontextmanager
async def reference(
    server: Server, token: str, mode: Era = "auto", **options: Any
) -> AsyncIterator[Client]:
    """The official SDK's client."""
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(
            streamable_http_client(f"{base(server)}/mcp", http_client=http), mode=mode, **options
        ) as client,
    ):
        yield client


async def done(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers, which must be no error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return dict(result.structured_content)


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Why a tool did not do it."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(getattr(result.content[0], "text", ""))


async def read(client: Client, uri: str) -> Any:
    """A resource that is JSON."""
    (content,) = (await client.read_resource(uri)).contents
    return json.loads(getattr(content, "text", ""))


@pytest.mark.slow
async def test_the_reference_client_watches_and_drives_a_live_call(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        Phone(user="alice") as alice,
        Phone(user="second") as second,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server,
        reference(server, tokens.of["operator"]) as client,
        reference(server, tokens.of["viewer"]) as viewer,
    ):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        hints = tools["hangup_call"].annotations
        assert hints is not None
        assert (hints.destructive_hint, hints.idempotent_hint) == (True, True)
        listed = tools["list_calls"].annotations
        assert listed is not None
        assert listed.read_only_hint
        assert tools["get_call"].output_schema is not None
        call = await dial(alice, server, "100")
        started: CallStarted = await the(server, CallStarted)
        call_id = started.call_id
        await the(server, Said, text="Hello.")
        (live,) = (await done(client, "list_calls"))["calls"]
        assert (live["call_id"], live["state"]) == (call_id, "up")
        assert [c["call_id"] for c in (await read(client, "call://active"))["calls"]] == [call_id]
        completed = await client.complete(
            ResourceTemplateReference(uri="call://{call_id}/transcript"),
            {"name": "call_id", "value": call_id[:3]},
        )
        assert completed.completion.values == [call_id]
        prompts = await client.complete(
            PromptReference(name="handoff_brief"), {"name": "call_id", "value": "zz"}
        )
        assert prompts.completion.values == []

        await done(client, "start_recording", call_id=call_id)
        transcript = f"call://{call_id}/transcript"
        async with client.listen(resource_subscriptions=[transcript]) as changes:
            told = "what is the news"
            await done(client, "inject_ai_message", call_id=call_id, text=told, role="user")
            async with asyncio.timeout(20):
                while True:
                    change = await anext(aiter(changes))
                    lines = (await read(client, transcript))["lines"]
                    if "The shop closes early." in [line["text"] for line in lines]:
                        break
            assert getattr(change, "uri", "") == transcript
        await done(client, "set_global_data", call_id=call_id, data={"vip": True})
        await done(client, "say", call_id=call_id, text="One moment.")
        await done(client, "hold_call", call_id=call_id, timeout=60)
        assert (await read(client, f"call://{call_id}"))["on_hold"] is True
        await done(client, "unhold_call", call_id=call_id)
        await done(client, "send_dtmf", call_id=call_id, digits="5")
        await done(client, "play", call_id=call_id, urls=["silence:0.1"])
        await done(client, "stop_recording", call_id=call_id)
        (sound,) = (await client.read_resource(f"call://{call_id}/recording")).contents
        assert base64.b64decode(getattr(sound, "blob", "")).startswith(b"RIFF")
        brief = await client.get_prompt("handoff_brief", {"call_id": call_id})
        assert "agent: The shop closes early." in getattr(brief.messages[0].content, "text", "")

        why = await refused(client, "transfer_call", call_id=call_id, to="sip:eve@evil.example")
        assert "not an allowed destination" in why
        assert "no scope calls:control" in await refused(viewer, "hangup_call", call_id=call_id)
        assert "there is no call 'x'" in await refused(client, "hold_call", call_id="x")
        through = await done(client, "transfer_call", call_id=call_id, to=second.uri)
        assert through["status"] == 200
        view = await done(viewer, "get_call", call_id=call_id)
        assert view["connected_to"].startswith("sip:second@")
        await done(client, "hangup_call", call_id=call_id)
        await call.wait_ended()
        await second.calls[0].wait_ended()
        await server.ended()
        events = (await read(client, f"call://{call_id}/events"))["events"]
        assert "call_ended" in [item["event"]["type"] for item in events]
        with pytest.raises(MCPError, match="there is no call"):
            await client.read_resource("call://nobody")
        asked = {event.by for event in server.events if isinstance(event, OutsideAsked)}
        assert asked == {"mcp:operator"}

        # what a token may do is looked at anew with each request
        api = tokens.api
        less = api.tokens["operator"].model_copy(update={"scopes": frozenset({"calls:read"})})
        fewer = {**api.tokens, "operator": less}
        server.gateway.http.reload(api.model_copy(update={"tokens": fewer}))
        assert "no scope calls:control" in await refused(client, "hangup_call", call_id=call_id)


async def test_clients_of_the_older_era_and_of_others_are_told_and_obeyed(tmp_path: Path) -> None:
    tokens = Tokens()
    updated: asyncio.Queue[str] = asyncio.Queue()

    async def on_message(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            updated.put_nowait(str(message.params.uri))

    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(Phone(user="alice"))
        server = await stack.enter_async_context(
            running(tmp_path, PLAN, limits=FEW, api=tokens.api)
        )
        client = await stack.enter_async_context(
            reference(server, tokens.of["operator"], "legacy", message_handler=on_message)
        )
        capabilities = client.server_capabilities
        assert capabilities is not None
        assert capabilities.resources is not None
        assert capabilities.resources.subscribe
        with pytest.warns(MCPDeprecationWarning):
            await client.subscribe_resource("call://active")
        call = await dial(alice, server, "100")
        async with asyncio.timeout(20):
            assert await updated.get() == "call://active"
        (view,) = (await done(client, "list_calls"))["calls"]
        transport = fastmcp.client.StreamableHttpTransport(
            f"{base(server)}/mcp", headers={"authorization": f"Bearer {tokens.of['operator']}"}
        )
        async with fastmcp.Client(transport) as other:
            names = {tool.name for tool in await other.list_tools()}
            assert {"originate_call", "inject_ai_message", "answer_call", "reject_call"} <= names
            assert len(await other.list_resource_templates()) == 4
            (known,) = await other.read_resource(f"call://{view['call_id']}")
            assert json.loads(getattr(known, "text", ""))["state"] == "up"
            assert (await other.call_tool("hangup_call", {"call_id": view["call_id"]})).data.ok
        await call.wait_ended()
        await server.ended()
