"""An agent written with SignalWire's SDK answers a real SIP call here without a line changed."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.events import CallEnded, VerbDone, Warned
from sipagent.testing.call import PhoneCall
from sipagent.testing.model_server import ModelServer, Reply, ToolUse
from sipagent.testing.modelled import Talk, last
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.vendors.http_server import HttpAnswer, HttpRequest, HttpServer

from .running import SdkAgent, sdk_agent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
BOTH = pytest.mark.parametrize("package", ["signalwire_agents", "signalwire"])
GREETING = "Rossi and Sons, good morning."
DEBUG = {"session_start", "session_end", "function_call", "swaig_call", "step_change"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PLAN = """
routes: [{to: "100"}]
swml: "URL"
policy: {destinations: ["sip:sales@127.0.0.1:*"]}
"""


def use(name: str, **arguments: Any) -> Reply:
    return Reply(tools=[ToolUse(name, json.dumps(arguments))])


SCRIPT: list[Reply | str] = [
    use("find_order", number="12345"),
    "Your order is on its way.",
    use("price", item="red hat"),
    "A red hat costs twelve euros.",
    use("call_sales"),
    "I connect you with sales now.",
    use("goodbye"),
    '{"order": "12345"}',
]


async def shop(request: HttpRequest) -> HttpAnswer:
    assert request.path == "/price/red%20hat"
    return HttpAnswer(json.dumps({"euros": 12}).encode())


@dataclass(frozen=True, slots=True)
class Scene:
    talk: Talk
    agent: SdkAgent
    sales: Phone

    async def noted(self, kind: str, number: int = 1) -> dict[str, Any]:
        """What the agent was told, waiting for it to come."""
        await self.talk.server.wait_for(lambda: len(self.agent.told(kind)) >= number)
        return self.agent.told(kind)[number - 1]


@asynccontextmanager
async def called(folder: Path, package: str, *, policy: str = "") -> AsyncIterator[Scene]:
    """Alice calls the agent and has heard its greeting."""
    async with (
        ModelServer(SCRIPT) as model,
        HttpServer(shop) as web,
        Phone(user="alice") as alice,
        Phone(user="sales") as sales,
        sdk_agent(folder, "rossi.py", package, sales.uri, web.url.split("//")[1]) as agent,
    ):
        mind = {"kind": "openai", "model": "test", "base_url": model.base_url}
        settings = {"providers": {"mind": mind}, "web": {"allow": ["127.0.0.1", "localhost"]}}
        plan = PLAN.replace("URL", agent.url)
        async with running(folder / "server", plan, **settings) as server:
            call = await alice.dial(server.uri("100"))
            await call.wait_answered()
            talk = Talk(server, model, call)
            await talk.told(GREETING)
            yield Scene(talk, agent, sales)


@BOTH
async def test_a_call_through_every_part_of_an_agent(tmp_path: Path, package: str) -> None:
    async with called(tmp_path, package) as scene:
        talk = scene.talk
        first = await talk.presses("1")
        assert "Rossi and Sons" in str(first.messages[0]["content"])
        assert "number of the order" in str(first.messages)
        assert {"find_order"} == offered(first) & {"find_order", "price", "call_sales", "goodbye"}
        await talk.told("Your order is on its way.")
        _check_request(await scene.noted("find_order"), talk.call)
        await talk.presses("2")
        priced = await talk.request(4)
        assert last(priced) == "It costs 12 euros."
        assert offered(priced) & {"find_order", "price", "call_sales"} == {"price", "call_sales"}
        assert "Help with order 12345." in str(priced.messages)
        await talk.told("A red hat costs twelve euros.")
        await talk.presses("3")
        await talk.told("I connect you with sales now.")
        (sales,) = [await scene.sales.wait_call()]
        await sales.wait_answered()
        assert sales.state is LegState.CONFIRMED
        await sales.hangup()
        asked = await scene.noted("call_sales")
        assert asked["raw"]["global_data"]["order"] == "12345"
        await talk.server.until(lambda e: isinstance(e, VerbDone) and e.verb == "connect")
        await talk.presses("4")
        await talk.told("Goodbye, and thank you.")
        await talk.call.wait_ended()
        _check_summary(await scene.noted("summary"))
        await talk.server.wait_for(lambda: "session_end" in told_of(scene))
        assert told_of(scene) >= DEBUG
        await talk.server.ended()
        (end,) = talk.all(CallEnded)
        assert end.status == 200
        (warned,) = talk.all(Warned)
        assert warned.detail.startswith("voice inworld.Mark is the default one here")


def told_of(scene: Scene) -> set[str]:
    """The debug webhook's events so far."""
    return {note["event"] for note in scene.agent.told("debug")}


def offered(request: Any) -> set[str]:
    return {tool["function"]["name"] for tool in request.body.get("tools", ())}


def _check_request(note: dict[str, Any], call: PhoneCall) -> None:
    """The function's request, field by field."""
    raw = note["raw"]
    assert note["arguments"] == {"number": "12345"}
    assert raw["function"] == "find_order"
    assert raw["argument"]["parsed"] == [{"number": "12345"}]
    assert json.loads(raw["argument"]["raw"]) == {"number": "12345"}
    assert raw["argument_desc"]["properties"]["number"]["type"] == "string"
    assert UUID.fullmatch(raw["call_id"]) and UUID.fullmatch(raw["ai_session_id"])
    assert raw["app_name"] == "rossi"
    assert raw["caller_id_num"] == "alice"
    assert raw["global_data"]["shop"] == "Rossi and Sons"
    assert raw["meta_data"] == {}
    assert raw["meta_data_token"]
    assert (raw["channel_active"], raw["channel_offhook"]) == (True, True)
    assert raw["content_type"] == "text/swaig"
    assert raw["content_disposition"] == "SWAIG Function"
    assert raw["version"] == "2.0"


def _check_summary(note: dict[str, Any]) -> None:
    raw = note["raw"]
    assert note["summary"] == {"order": "12345"}
    assert raw["action"] == "post_conversation"
    assert raw["content_disposition"] == "agent.summary"
    assert raw["global_data"]["order"] == "12345"
    assert {entry["role"] for entry in raw["call_log"]} >= {"user", "assistant"}
    names = [entry["command_name"] for entry in raw["swaig_log"]]
    assert names[:2] == ["find_order", "price"]
    assert raw["total_output_tokens"] > 0
    assert raw["call_start_date"] < raw["ai_start_date"] <= raw["ai_end_date"]
