"""Agents of both SDKs, as they are, answer our requests: their parsers and tokens judge."""

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import signalwire
import signalwire_agents
from fastapi.testclient import TestClient
from signalwire.core.function_result import FunctionResult
from signalwire_agents.core.function_result import SwaigFunctionResult

from sipagent.call.web import WebReply, WebRequest
from sipagent.testing.functions import a_function_talk
from sipagent.testing.virtual import virtual_time

SDKS = pytest.mark.parametrize(
    ("base", "result"),
    [
        (signalwire_agents.AgentBase, SwaigFunctionResult),
        (signalwire.AgentBase, FunctionResult),
    ],
    ids=["1.1", "3.7"],
)


class Server:
    """An SDK agent behind its own FastAPI application."""

    def __init__(self, base: Any, result: Any) -> None:
        self.seen: list[tuple[Any, Any]] = []
        self.asked: list[WebRequest] = []
        self.statuses: list[int] = []
        self.agent = base(name="shop", route="/shop", basic_auth=("user", "pa:ss"))
        self.agent.define_tool(
            name="order",
            description="Look up an order.",
            parameters={"number": {"type": "integer", "description": "of the order"}},
            handler=lambda args, raw: self._order(args, raw, result),
            secure=True,
        )
        self.client = TestClient(self.agent.get_app())

    def _order(self, args: Any, raw: Any, result: Any) -> Any:
        self.seen.append((args, raw))
        return result("Order 12 is on its way.").update_global_data({"order": args["number"]})

    def swaig(self, call_id: str) -> dict[str, Any]:
        """The SWAIG object of the document it gives for a call."""
        body = {"call": {"call_id": call_id}, "vars": {}, "envs": {}}
        reply = self.client.post("/shop/", json=body, auth=("user", "pa:ss"))
        assert reply.status_code == 200, reply.text
        steps = reply.json()["sections"]["main"]
        found: dict[str, Any] = next(step["ai"]["SWAIG"] for step in steps if "ai" in step)
        return found

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`: user and password of the URL become Basic auth, the rest is as it stands."""
        self.asked.append(request)
        parts = urlsplit(request.url)
        reply = self.client.request(
            request.method,
            f"{parts.path}?{parts.query}",
            json=request.data,
            auth=(unquote(parts.username or ""), unquote(parts.password or "")),
        )
        self.statuses.append(reply.status_code)
        await asyncio.sleep(0)
        return WebReply(reply.status_code, "http://shop/", {}, reply.content)


@SDKS
def test_a_secure_function_takes_our_request(base: Any, result: Any) -> None:
    server = Server(base, result)
    swaig = server.swaig("call-1")

    @virtual_time
    async def run() -> None:
        answers: dict[str, Any] = {"order": []}
        house = {"web": server, "variables": {"global_data": {"vip": True}}}
        async with a_function_talk(
            answers, {"number": "12"}, "Good.", swaig=swaig, house=house
        ) as t:
            await t.ask()
            assert t.results == ["Order 12 is on its way."]
            assert t.scope["global_data"]["order"] == 12
            assert not t.warnings

    run()
    ((args, raw),) = server.seen
    assert args == {"number": 12}
    assert (raw["call_id"], raw["function"], raw["global_data"]["vip"]) == ("call-1", "order", True)
    assert urlsplit(server.asked[0].url).path.endswith("/swaig/")


@SDKS
def test_a_token_of_another_call_is_refused_in_prose_and_on_record(base: Any, result: Any) -> None:
    server = Server(base, result)
    swaig = server.swaig("another-call")

    @virtual_time
    async def run() -> None:
        answers: dict[str, Any] = {"order": []}
        async with a_function_talk(
            answers, {"number": 12}, "Sorry.", swaig=swaig, house={"web": server}
        ) as talk:
            await talk.ask()
            assert "invalid or expired" in talk.results[0]
            assert any("its token is invalid or expired" in text for text in talk.warnings)

    run()
    assert server.seen == []
    assert server.statuses == [200]
