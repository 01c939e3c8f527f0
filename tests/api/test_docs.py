"""What docs/api.md and docs/mcp-server.md show is true."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mcp_types import ListToolsResult

from sipagent.api.audit import Audit, AuditedCalls
from sipagent.api.doors import Doors
from sipagent.api.mcp.server import build
from sipagent.api.server import build as document_of
from sipagent.client.remote import RemoteCalls
from sipagent.config import ROLES, Settings
from sipagent.sources import parse
from sipagent.verbs.outside import OUTSIDE

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
TABLE = API[API.index("## Routes and scopes") : API.index("## Errors")]
MCP = (DOCS / "mcp-server.md").read_text(encoding="utf-8")


def test_the_settings_it_shows_are_settings() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", API, re.DOTALL)
    api = Settings(**parse(example, "api.md").data).api
    assert api is not None
    assert api.tokens["campaign"].may == {"calls:read", "calls:originate"}


def test_its_roles_are_those_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`calls:.*) \|$", API, re.MULTILINE)
    assert {role: set(re.findall(r"`(.*?)`", scopes)) for role, scopes in rows} == dict(ROLES)


def test_every_route_stands_there_with_its_scopes(tmp_path: Path) -> None:
    gate: Any = SimpleNamespace(browsers=None, tokens=None)
    nothing: Any = object()
    audited = AuditedCalls(nothing, Audit(tmp_path / "audit.jsonl"))
    doors = Doors(
        audited,
        str,
        records=nothing,
        system=nothing,
        drains=nothing,
        metrics=nothing,
        packer=nothing,
        receivers=nothing,
        phones=gate,
        keeper=nothing,
    )
    wanted: dict[str, set[str]] = {}
    for path, operations in document_of(doors).openapi()["paths"].items():
        short = re.sub(r"/verbs/\w+$", "/verbs/{verb}", path)
        for method, operation in operations.items():
            (needed,) = operation["security"] or ({"token": []},)
            wanted[f"{method.upper()} {short}"] = set(needed["token"])
    told = {}
    for routes, scopes in re.findall(r"^\| (`[A-Z]+ /.*?) \| (.*) \|$", TABLE, re.MULTILINE):
        for route in re.findall(r"`(.*?)`", routes):
            told[route] = set(re.findall(r"`(.*?)`", scopes))
    del told["GET /v1/openapi.json"]
    assert told == wanted


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
