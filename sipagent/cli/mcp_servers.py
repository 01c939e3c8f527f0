"""`sipagent mcp-servers`: connect to MCP servers, and see what agents would be offered of them."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.app.plans import read_plans
from sipagent.config import Settings
from sipagent.dialplan.lint_talks import tools_of_its_own
from sipagent.errors import SipAgentError
from sipagent.providers.mcp.trial import Trial, try_out
from sipagent.sources import nearest
from sipagent.tools.loader import load_tools
from sipagent.tools.mcp.foreign import cleaned
from sipagent.tools.mcp.offering import absent, judge, needs_yes
from sipagent.tools.mcp.spec import terms_of
from sipagent.verbs import VERBS

from .style import ConfigOption, JsonOption, out, print_json, settings_from

#: one agent's view of one tool
Row = dict[str, Any]


def mcp_servers(
    names: Annotated[list[str] | None, typer.Argument(help="servers [default: all]")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Connect, list, and say what each agent would be offered and why not; exit 1 where one is
    not to be had.
    """
    settings = settings_from(config)
    declared = settings.mcp_servers
    if not declared:
        raise SipAgentError("no servers: `mcp_servers:` of sipagent.yaml names them")
    for name in names or ():
        if name not in declared:
            raise SipAgentError(f"there is no server {name}; {nearest(name, declared) or 'see -c'}")
    trials = asyncio.run(_try_all(settings, names or list(declared)))
    rows = list(_rows(settings, trials))
    if as_json:
        print_json({"servers": [_server(*item) for item in trials.items()], "tools": rows})
    else:
        _print(trials, rows)
    if not all(trial.ok for trial in trials.values()):
        raise typer.Exit(1)


async def _try_all(settings: Settings, names: list[str]) -> dict[str, Trial]:
    folder = settings.state_folder / "mcp"
    tried = (try_out(name, settings.mcp_servers[name], folder) for name in names)
    return dict(zip(names, await asyncio.gather(*tried), strict=True))


def _rows(settings: Settings, trials: Mapping[str, Trial]) -> Iterator[Row]:
    plans, _ = read_plans(settings)
    # but for functions on the web, which are known in calls only
    taken = {*VERBS, *load_tools(settings.tools, reserved=VERBS)}
    for plan in plans.plans:
        for agent_name, agent in plan.agents.items():
            for use in agent.mcp_servers:
                trial = trials.get(use.server or "")
                if trial is None or not trial.ok:
                    continue
                terms = terms_of(use, settings.mcp_servers[use.server or ""])
                who = f"{plan.name}/{agent_name}"
                for one in judge(terms, trial.tools, {*taken, *tools_of_its_own(agent)}):
                    yield {
                        "server": use.server,
                        "agent": who,
                        "tool": one.tool.name,
                        "offered_as": "" if one.why_not else one.name,
                        "why_not": one.why_not,
                        "asks": not one.why_not and needs_yes(terms, one.tool),
                    }
                for name in absent(terms, trial.tools):
                    why = "the server has no such tool"
                    yield {"server": use.server, "agent": who, "tool": name, "offered_as": "",
                           "why_not": why, "asks": False}  # fmt: skip


def _server(name: str, trial: Trial) -> Row:
    tools = [tool.name for tool in trial.tools]
    return {"name": name, "ok": trial.ok, "where": trial.shown, "detail": trial.detail,
            "ms": trial.ms, "tools": tools}  # fmt: skip


def _print(trials: Mapping[str, Trial], rows: list[Row]) -> None:
    for name, trial in trials.items():
        mark = "[green]✓[/]" if trial.ok else "[red]✗[/]"
        many = f"{len(trial.tools)} tools, {trial.ms} ms" if trial.ok else ""
        out.print(
            f"{mark} [bold]{escape(name)}[/] {escape(trial.detail)} [dim]{escape(many)}[/]",
            soft_wrap=True, highlight=False, emoji=False,
        )  # fmt: skip
        used = {row["tool"] for row in rows if row["server"] == name}
        for tool in trial.tools:
            if tool.name not in used:
                words = cleaned(tool.description, 80)
                out.print(f"    [dim]{escape(tool.name)}: {escape(words)}[/]", soft_wrap=True)
    if not rows:
        out.print("No agent uses them: `mcp_servers:` of a plan or an agent names them.")
        return
    table = Table(box=None, header_style="bold")
    for head in ("agent", "server", "tool", "offered as", ""):
        table.add_column(head, overflow="fold")
    for row in rows:
        note = row["why_not"] or ("with the caller's own yes" if row["asks"] else "")
        colour = "red" if row["why_not"] else "green"
        offered = row["offered_as"] or "no"
        table.add_row(
            escape(row["agent"]), escape(row["server"]), escape(row["tool"]),
            f"[{colour}]{escape(offered)}[/]", escape(note),
        )  # fmt: skip
    out.print(table)
