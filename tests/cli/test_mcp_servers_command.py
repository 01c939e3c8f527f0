"""`sipagent mcp-servers`."""

import json
import sys
from pathlib import Path

from sipagent.testing.program import Run

ROUGH = Path(__file__).parents[1] / "providers" / "mcp" / "rough.py"
SETTINGS = f"""
dialplans: plan.yaml
store: {{bundles: calls}}
providers: {{mind: {{kind: openai, model: test, base_url: "http://127.0.0.1:9/v1"}}}}
mcp_servers:
  rough: {{command: ["{sys.executable}", "-S", "{ROUGH}"], confirm: writes, connect_seconds: 60}}
  gone: {{url: "http://127.0.0.1:9/mcp"}}
"""
PLAN = """
agents:
  desk:
    brain: {provider: mind}
    intents: {a: {phrases: ["hello"]}}
    mcp_servers: [{server: rough, tools: [echo, ecco]}]
sections: {main: [answer, {ai: {agent: desk}}]}
"""


def test_it_says_what_agents_are_offered_and_why_not(folder: Path, run: Run) -> None:
    (folder / "sipagent.yaml").write_text(SETTINGS)
    (folder / "plan.yaml").write_text(PLAN)
    shown = run("mcp-servers")
    assert shown.code == 1
    assert "✓ rough rough 1, protocol 2025-06-18" in shown.out
    assert "✗ gone All connection attempts failed" in shown.out
    assert "with the caller's own yes" in " ".join(shown.out.split())
    told = run("mcp-servers", "rough", "--json")
    assert told.code == 0
    echo, ecco = json.loads(told.out)["tools"]
    assert (echo["agent"], echo["offered_as"], echo["asks"]) == ("plan/desk", "rough_echo", True)
    assert (ecco["tool"], ecco["why_not"]) == ("ecco", "the server has no such tool")


def test_a_name_nobody_knows_and_no_servers_at_all_are_told(folder: Path, run: Run) -> None:
    assert "no servers: `mcp_servers:`" in run("mcp-servers").err
    (folder / "sipagent.yaml").write_text(SETTINGS)
    (folder / "plan.yaml").write_text(PLAN)
    wrong = run("mcp-servers", "ruogh")
    assert (wrong.code, "there is no server ruogh" in wrong.err) == (1, True)
