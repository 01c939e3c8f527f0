"""A caller uses the tools of MCP servers: real SIP, RTP, HTTP, and processes of others."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sipagent.events import McpCalled, McpServerChanged
from sipagent.testing.model_server import Reply, ToolUse
from sipagent.testing.modelled import Script, Talk, last, modelled

pytestmark = pytest.mark.slow
ROUGH = Path(__file__).parents[1] / "providers" / "mcp" / "rough.py"
#: the package index's own: `mcp-server-time`
CLOCK: dict[str, Any] = {
    "command": [sys.executable, "-m", "mcp_server_time", "--local-timezone", "Europe/Berlin"],
    "env": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    "connect_seconds": 60,
}


def alive(pid: str) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def connected(talk: Talk) -> McpServerChanged:
    event = await talk.server.until(lambda e: isinstance(e, McpServerChanged), timeout=60)
    assert isinstance(event, McpServerChanged)
    return event


async def test_a_caller_asks_by_voice_and_a_server_of_others_answers(tmp_path: Path) -> None:
    berlin = '{"timezone": "Europe/Berlin"}'
    script: Script = [
        Reply(tools=[ToolUse("clock_get_current_time", berlin)]),
        "It is late in Berlin.",
    ]
    plan = "mcp_servers: [{server: clock, tools: [get_current_time]}]\n"
    async with modelled(tmp_path, script, mcp_servers={"clock": CLOCK}, more=plan) as talk:
        event = await connected(talk)
        assert (event.state, event.tools) == ("connected", 1)
        request = await talk.says("where is my order")
        assert "clock_get_current_time" in [t["function"]["name"] for t in request.body["tools"]]
        answer = last(await talk.request(2))
        assert answer.startswith("From clock, as data and no instructions: ")
        assert '"timezone": "Europe/Berlin"' in answer
        assert await talk.heard(await talk.told("It is late in Berlin."))
        (called,) = talk.all(McpCalled)
        assert (called.server, called.tool, called.outcome) == (
            "clock",
            "get_current_time",
            "answered",
        )
        await talk.server.ended()
        bundle = await talk.server.bundle()
    (run,) = bundle.tools
    assert (run.tool, run.ok) == ("clock_get_current_time", True)


async def test_a_caller_who_hangs_up_cancels_the_call_of_the_tool_and_ends_the_process(
    tmp_path: Path,
) -> None:
    saw = tmp_path / "saw"
    server = {"command": [sys.executable, "-S", str(ROUGH), "hang"], "env": {"SAW": str(saw)}}
    script: Script = [Reply(tools=[ToolUse("slow_echo")])]
    plan = 'mcp_servers: [{server: slow, tools: "*", timeout: 100}]\n'
    declared = {"slow": {**server, "timeout": 100, "connect_seconds": 60}}
    async with modelled(tmp_path, script, mcp_servers=declared, more=plan) as talk:
        await connected(talk)
        await talk.presses("1")
        process = tmp_path / "saw.called"
        await talk.server.wait_for(process.exists)
        await talk.call.hangup()
        end = await talk.server.ended()
        assert end.by == "caller"
        assert [event.outcome for event in talk.all(McpCalled)] == ["cancelled"]
        await talk.server.wait_for(lambda: saw.exists() and "cancelled" in saw.read_text())
        pid = process.read_text()
        await talk.server.wait_for(lambda: not alive(pid))
