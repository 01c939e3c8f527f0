"""What docs/api.md and docs/mcp-server.md show is true."""

import re
from pathlib import Path

from mcp_types import ListToolsResult

from sipagent.api.mcp.server import build
from sipagent.api.remote import RemoteCalls
from sipagent.config import ROLES, Settings
from sipagent.sources import parse
from sipagent.verbs.outside import OUTSIDE

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
MCP = (DOCS / "mcp-server.md").read_text(encoding="utf-8")


def test_the_settings_it_shows_are_settings() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", API, re.DOTALL)
    api = Settings(**parse(example, "api.md").data).api
    assert api is not None
    assert api.tokens["campaign"].may == {"calls:read", "calls:originate"}


def test_its_roles_are_those_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`calls:.*) \|$", API, re.MULTILINE)
    assert {role: set(re.findall(r"`(.*?)`", scopes)) for role, scopes in rows} == dict(ROLES)


def test_the_verbs_it_names_are_verbs_for_live_calls() -> None:
    acting = API[API.index("## Acting") : API.index("## Calling out")]
    named = re.findall(r"`([a-z_]+)(?: \{.*?\})?`", acting)
    told = {"outside_asked", "policy_decided", "verb_done", "global_data", "dest", "system", "user"}
    assert set(named) - told <= OUTSIDE.keys()


async def test_every_tool_is_told_of_with_its_scope() -> None:
    async with RemoteCalls("http://127.0.0.1:1", "x") as calls:
        server, _ = build(calls)
        tools = ListToolsResult(tools=await server.list_tools()).tools
    tables = MCP[MCP.index("## Tools") : MCP.index("Results are")]
    assert set(re.findall(r"`([a-z_]+)`", tables)) == {tool.name for tool in tools}
