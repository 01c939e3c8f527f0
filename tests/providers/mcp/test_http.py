"""Servers made with the official SDK and with fastmcp, over HTTP, spoken to in both eras."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fastmcp import FastMCP
from mcp.server.mcpserver import (
    AcceptedElicitation,
    Context,
    Elicit,
    ElicitationResult,
    MCPServer,
    Resolve,
)
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sipagent.call.interview import Answers
from sipagent.call.web import WebFailed
from sipagent.config.mcp import McpServer
from sipagent.providers.mcp.connection import Connection
from sipagent.providers.mcp.making import by_url, configured, shown_url
from sipagent.providers.mcp.shelf import ToolShelf
from sipagent.providers.web.guard import Guard
from sipagent.testing.asgi_server import served
from sipagent.tools.mcp.server import Change, Elicitation, Hooks, McpFailed

PATIENCE = 30.0
ERAS = pytest.mark.parametrize("era", ["auto", "legacy"])


class Order(BaseModel):
    number: int
    state: str


class Size(BaseModel):
    size: Literal["small", "large"] = Field(description="Which size?")


async def _size(number: int) -> Elicit[Size]:
    return Elicit(f"Order {number} comes in two sizes.", Size)


class Shop:
    """An official server, and what it has seen."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.began = asyncio.Event()
        self.server = server = MCPServer("shop", version="1.2")
        reads, deletes = (
            ToolAnnotations(read_only_hint=True),
            ToolAnnotations(destructive_hint=True),
        )

        @server.tool(annotations=reads)
        def get_order(number: int) -> Order:
            """State of an order."""
            return Order(number=number, state="sent")

        @server.tool(annotations=deletes)
        def delete_order(number: int) -> str:
            """Delete it."""
            raise ToolError(f"there is no order {number}")

        @server.tool()
        async def search(context: Context) -> str:
            """Search for long."""
            await context.report_progress(1, 2, "half way")
            self.began.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
            return ""

        @server.tool()
        async def send(
            number: int, size: Annotated[ElicitationResult[Size], Resolve(_size)]
        ) -> str:
            """Send it."""
            if isinstance(size, AcceptedElicitation):
                return f"{number} in {size.data.size}"
            return "not sent"

        @server.tool()
        async def reopen(context: Context) -> str:
            """Opening hours are others."""
            server.add_tool(search, name="find")
            await context.notify_tools_changed()
            await context.notify_resource_updated("shop://hours")
            return "done"

        @server.resource("shop://hours")
        def hours() -> str:
            return '{"open": "nine"}'

        @server.resource("shop://customers/{who}")
        def customer(who: str) -> str:
            return f"{who} is known"


def fast() -> Any:
    server: FastMCP[Any] = FastMCP("fast")

    @server.tool
    def get_order(number: int) -> dict[str, Any]:
        """State of an order."""
        return {"number": number, "state": "sent"}

    return server.http_app()


@asynccontextmanager
async def connected(url: str, **keys: Any) -> AsyncIterator[Connection]:
    server = McpServer.model_validate({"url": f"{url}/mcp", **keys})
    connection = configured(server, ToolShelf(Path("/nonexistent"), "x", "x", 0))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def shopping(shop: Shop, era: str) -> AsyncIterator[Connection]:
    async with (
        served(shop.server.streamable_http_app()) as url,
        connected(url, protocol=era) as server,
    ):
        yield server


async def declines(asked: Elicitation) -> Answers:
    return Answers("decline")


HOOKS = Hooks(lambda words: None, declines)


async def end_of(connection: Connection, state: str = "failed") -> Change:
    found: asyncio.Future[Change] = asyncio.get_running_loop().create_future()

    def told(change: Change) -> None:
        if change.state == state and not found.done():
            found.set_result(change)

    connection.follow(told)
    async with asyncio.timeout(PATIENCE):
        return await found


@ERAS
async def test_an_official_server_is_listed_called_and_read(era: str) -> None:
    async with shopping(Shop(), era) as server:
        change = await end_of(server, "connected")
        assert change.detail.startswith("shop 1.2, protocol ")
        assert ("2026" in change.detail) is (era == "auto")
        hints = {t.name: (t.read_only, t.destructive) for t in server.tools}
        assert hints["get_order"] == (True, None)
        assert hints["delete_order"] == (None, True)
        result = await server.call("get_order", {"number": 3}, HOOKS)
        assert (result.ok, result.text) == (True, '{"number": 3, "state": "sent"}')
        failed = await server.call("delete_order", {"number": 3}, HOOKS)
        assert not failed.ok
        assert "there is no order 3" in failed.text
        assert not (await server.call("nothing", {}, HOOKS)).ok
        texts = await server.read(True, {"who": "alice"})
        assert {t.name: t.text for t in texts} == {
            "hours": '{"open": "nine"}',
            "customer": "alice is known",
        }
        # a template without its variable is left out
        assert [t.name for t in await server.read(True, {})] == ["hours"]


@ERAS
async def test_a_server_of_fastmcp_is_listed_and_called(era: str) -> None:
    async with served(fast()) as url, connected(url, protocol=era) as server:
        result = await server.call("get_order", {"number": 3}, HOOKS)
        assert (result.ok, result.text) == (True, '{"number": 3, "state": "sent"}')
        assert [tool.description for tool in server.tools] == ["State of an order."]


@ERAS
@pytest.mark.parametrize(
    ("answers", "text"),
    [(Answers("accept", {"size": "large"}), "7 in large"), (Answers("decline"), "not sent")],
)
async def test_what_a_server_asks_is_answered_in_both_eras(
    era: str, answers: Answers, text: str
) -> None:
    asked: list[Elicitation] = []

    async def answer(elicitation: Elicitation) -> Answers:
        asked.append(elicitation)
        return answers

    async with shopping(Shop(), era) as server:
        result = await server.call("send", {"number": 7}, Hooks(lambda words: None, answer))
        assert result.text == text
    (one,) = asked
    assert one.message == "Order 7 comes in two sizes."
    assert one.schema is not None
    assert one.schema["properties"]["size"]["enum"] == ["small", "large"]


@ERAS
async def test_progress_is_told_and_a_call_that_is_given_up_ends_at_the_server(era: str) -> None:
    shop, told = Shop(), list[str]()
    async with shopping(shop, era) as server:
        running = asyncio.ensure_future(server.call("search", {}, Hooks(told.append, declines)))
        async with asyncio.timeout(PATIENCE):
            await shop.began.wait()
            while not told:
                await asyncio.sleep(0.01)
            running.cancel()
            await shop.cancelled.wait()
        assert told == ["half way"]
        # the connection is as good as before
        assert (await server.call("get_order", {"number": 3}, HOOKS)).ok


@ERAS
async def test_a_call_that_ends_while_its_server_asks_takes_the_question_with_it(era: str) -> None:
    asking, ended = asyncio.Event(), asyncio.Event()

    async def ponder(asked: Elicitation) -> Answers:
        asking.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Answers("cancel")

    async with shopping(Shop(), era) as server:
        hooks = Hooks(lambda words: None, ponder)
        running = asyncio.ensure_future(server.call("send", {"number": 7}, hooks))
        async with asyncio.timeout(PATIENCE):
            await asking.wait()
            running.cancel()
            await ended.wait()
            assert (await server.call("get_order", {"number": 3}, HOOKS)).ok


async def test_changes_are_told_on_the_new_eras_stream() -> None:
    async with shopping(Shop(), "auto") as server:
        await server.read(("shop://hours",), {})
        changed = asyncio.ensure_future(end_of(server, "changed"))
        updated = asyncio.ensure_future(end_of(server, "updated"))
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            # the streams may be open a moment later than the calls return
            while not (changed.done() and updated.done()):
                await server.call("reopen", {}, HOOKS)
                await asyncio.wait({changed, updated}, timeout=0.2)
        assert "find" in [tool.name for tool in server.tools]


async def test_a_server_that_is_not_there_is_given_up_after_two_attempts() -> None:
    async with connected("http://127.0.0.1:9") as server:
        assert (await end_of(server)).detail == "All connection attempts failed"
        with pytest.raises(McpFailed):
            await server.call("get_order", {}, HOOKS)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "it refuses us (401)"), (403, "it refuses us (403)")]
)
async def test_a_refusal_says_what_to_look_at(status: int, words: str) -> None:
    async def refuse(request: Request) -> Response:
        return Response(status_code=status)

    app = Starlette(routes=[Route("/mcp", refuse, methods=["POST", "GET"])])
    async with served(app) as url, connected(url, token="wrong") as server:
        assert words in (await end_of(server)).detail


async def test_an_endless_answer_is_cut_off() -> None:
    async def flood(request: Request) -> Response:
        return Response(b" " * (5 << 20), media_type="application/json")

    app = Starlette(routes=[Route("/mcp", flood, methods=["POST", "GET"])])
    async with served(app) as url, connected(url) as server:
        assert "more than" in (await end_of(server)).detail


async def test_a_server_by_url_is_reached_at_judged_addresses_only() -> None:
    async with served(Shop().server.streamable_http_app()) as url:
        port = url.rpartition(":")[2]
        closed = by_url(f"{url}/mcp", {}, Guard(()).addresses)
        assert "not a public address" in (await end_of(closed)).detail
        await closed.close()
        opened = by_url(f"{url}/mcp", {"X-Who": "me"}, Guard((f"127.0.0.1:{port}",)).addresses)
        assert (await opened.call("get_order", {"number": 3}, HOOKS)).ok
        await opened.close()


async def test_a_name_is_connected_to_where_it_was_judged_to_be() -> None:
    async def elsewhere(host: str, port: int) -> Sequence[str]:
        if host != "crm.example":
            raise WebFailed("not judged")
        return ["127.0.0.1"]

    app = Shop().server.streamable_http_app(
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True, allowed_hosts=["crm.example:*"]
        )
    )
    async with served(app) as url:
        port = url.rpartition(":")[2]
        server = by_url(f"http://crm.example:{port}/mcp", {}, elsewhere)
        change = await end_of(server, "connected")
        assert change.state == "connected"
        await server.close()


def test_urls_are_shown_without_secrets() -> None:
    url = "https://user:secret@crm.example:8443/mcp?token=secret#x"
    assert shown_url(url) == "https://crm.example:8443/mcp"
