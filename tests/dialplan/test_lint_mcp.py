"""MCP servers in plans, agents and SWML."""

import pytest

from sipagent.dialplan.lint import House, check
from sipagent.dialplan.load import load
from sipagent.dialplan.swml.ai import agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.sources import parse
from sipagent.tools.mcp.spec import McpUse, Offer

PLAN = """
mcp_servers: [crm]
policy: {confirm: [crm_delete_order], limits: {crm_get_order: 3}}
agents:
  desk:
    brain: {provider: intents}
    intents:
      order: {phrases: ["where is my order"], do: {crm_get_order: {number: 7}}}
  bare:
    mcp_servers: []
    brain: {provider: intents}
    intents: {hello: {phrases: ["hello"]}}
sections: {main: [answer, {ai: {agent: desk}}, {ai: {agent: bare}}]}
"""
KNOWN = {"crm": Offer(tools=("get_order", "delete_order"))}


def messages(text: str, known: dict[str, Offer] | None) -> list[str]:
    _, findings = check(parse(text, "plan.yaml"), House(mcp_servers=known))
    return [str(finding) for finding in findings]


def test_servers_of_a_plan_are_those_of_agents_that_name_none() -> None:
    plan = load(parse(PLAN, "plan.yaml"))
    assert [use.server for use in plan.agents["desk"].mcp_servers] == ["crm"]
    assert plan.agents["bare"].mcp_servers == ()
    assert messages(PLAN, KNOWN) == []


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ("[crmm]", "plan.yaml:2:15: error: mcp_servers[0]: there is no server crmm (did you mean"),
        ("[crm, crm]", "crm stands here twice"),
        ('[{url: "ftp://x", tools: "*"}]', "begins with https:// or http://"),
        ("[{server: crm, tools: [other]}]", "warning: mcp_servers[0]: no tool of crm is offered"),
        ("[{server: crm, tols: [other]}]", "tols"),
        ("[{server: crm, headers: {a: b}}]", "headers of a server by name stand in sipagent.yaml"),
        ("[a, b, c, d, e, f, g, h, i]", "an agent can have 8 servers"),
    ],
)
def test_a_mistake_is_found_with_its_place(servers: str, words: str) -> None:
    found = messages(PLAN.replace("mcp_servers: [crm]", f"mcp_servers: {servers}"), KNOWN)
    assert any(words in text for text in found), found


def test_a_name_of_no_server_is_no_tool_of_policy_or_intents() -> None:
    found = messages(PLAN.replace("crm_", "cmr_"), KNOWN)
    assert any("unknown verb cmr_delete_order" in text for text in found)
    assert any("there is no tool cmr_get_order" in text for text in found)


@pytest.mark.swml("param", "SWAIG.mcp_servers", "servers by URL, whose tools keep their names")
def test_swml_names_servers_by_url() -> None:
    server = {
        "url": "https://crm.example/mcp",
        "headers": {"Authorization": "Bearer ${global_data.token}"},
        "resources": True,
        "resource_vars": {"caller_id": "${caller_id_number}"},
        "retries": 3,
    }
    swaig = {"mcp_servers": [server, {"url": "https://x", "headers": "X"}, "https://x"]}
    inline = agent_of(
        {"prompt": {"text": "Hello."}, "SWAIG": swaig},
        Vocabulary({"mind": "openai"}, frozenset({"openai"})),
    )
    (use,) = inline.spec.mcp_servers
    assert use == McpUse(
        url="https://crm.example/mcp",
        headers={"Authorization": "Bearer ${global_data.token}"},
        tools="*",
        prefix="",
        resources=True,
        resource_vars={"caller_id": "${caller_id_number}"},
    )
    assert "SWAIG.mcp_servers[0].retries is not known and is ignored" in inline.notes
    assert [note for note in inline.notes if "left out" in note] == [
        "SWAIG.mcp_servers[1] is left out: it needs a url, and headers that are texts",
        "SWAIG.mcp_servers[2] is left out: it needs a url, and headers that are texts",
    ]
