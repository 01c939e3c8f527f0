"""Lint of `mcp_servers:`: servers nobody declared, and those of which nothing is offered."""

from collections.abc import Iterator, Mapping

from sipagent.agent.spec import AgentSpec
from sipagent.errors import Finding
from sipagent.sources import KeyPath, Source, nearest
from sipagent.tools.mcp.spec import McpUse, Offer, terms_of

_SCHEMES = ("http://", "https://")


def lint_mcp(
    source: Source, agents: Mapping[str, AgentSpec], declared: Mapping[str, Offer] | None
) -> Iterator[Finding]:
    """`declared` are the servers of sipagent.yaml; None where those are not known."""
    for name, agent in agents.items():
        shared = "mcp_servers" not in (source.data.get("agents") or {}).get(name, {})
        path: KeyPath = ("mcp_servers",) if shared else ("agents", name, "mcp_servers")
        seen: set[str] = set()
        for index, use in enumerate(agent.mcp_servers):
            place = (*path, index) if _is_list(source, path) else path
            yield from _server(source, use, place, declared)
            key = f"{use.server or use.url} {use.prefix}"
            if key in seen:
                yield source.finding(place, f"{use.name} stands here twice")
            seen.add(key)


def _is_list(source: Source, path: KeyPath) -> bool:
    node = source.data
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return isinstance(node, list)


def _server(
    source: Source, use: McpUse, path: KeyPath, declared: Mapping[str, Offer] | None
) -> Iterator[Finding]:
    if use.url is not None and not use.url.startswith(_SCHEMES):
        yield source.finding((*path, "url"), "a server by URL begins with https:// or http://")
    if use.server is not None:
        if declared is None:
            return
        if use.server not in declared:
            hint = nearest(use.server, declared) or "declare it under mcp_servers of sipagent.yaml"
            yield source.finding(path, f"there is no server {use.server}", hint=hint)
            return
    terms = terms_of(use, (declared or {}).get(use.server or ""))
    if terms.tools == frozenset():
        message = f"no tool of {use.name} is offered"
        hint = 'list them under tools, or write tools: "*"'
        yield source.finding(path, message, hint=hint, severity="warning")


def may_be_foreign(agent: AgentSpec, name: str) -> bool:
    """Could a tool of this name come from one of the agent's servers? They are not asked here."""
    return any(name.startswith(terms_of(use, None).prefix) for use in agent.mcp_servers)


def foreign_functions(agent: AgentSpec) -> frozenset[str]:
    """Functions that steps list and that its servers may have."""
    steps = [step for context in agent.contexts.values() for step in context.steps]
    forms = [step.gather_info for step in steps if step.gather_info is not None]
    named = [step.functions for step in steps]
    named += [question.functions for form in forms for question in form.questions]
    names = {name for functions in named for name in functions or ()}
    return frozenset(name for name in names if may_be_foreign(agent, name))
