"""The `sipagent` program: every command by its name."""

import sys

import typer
from rich.console import Console
from rich.markup import escape

from sipagent.errors import ConfigError, SipAgentError

from . import (
    bans,
    bench,
    bundle,
    call,
    calls,
    control,
    demo,
    doctor,
    mcp_servers,
    memory,
    outside,
    plans,
    serve,
    tools,
    trunks,
)
from .style import print_findings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="SIP calls answered by AI agents, with telephony as permitted tools.",
)
app.command("serve")(serve.serve)
app.command("reload")(control.reload)
app.command("restart")(control.restart)
app.command("demo")(demo.demo)
app.command("check")(plans.check)
app.command("doctor")(doctor.doctor)
app.command("explain")(plans.explain)
app.command("schema")(plans.schema)
app.command("call", epilog=call.EPILOG)(call.call)
app.add_typer(calls.app, name="calls")
app.command("bundle")(bundle.bundle)
app.command("originate")(outside.originate)
app.command("mcp")(outside.mcp)
app.command("mcp-servers")(mcp_servers.mcp_servers)
app.command("token")(outside.token)
app.command("trunks")(trunks.trunks)
app.add_typer(bans.app, name="bans")
app.add_typer(memory.app, name="memory")
app.add_typer(tools.app, name="tools")
app.command("bench")(bench.bench)


def main() -> None:
    """Run a command; our own errors end it with words and exit code 1, never a traceback."""
    errors = Console(stderr=True)
    try:
        app()
    except ConfigError as error:
        print_findings(errors, error.findings)
        sys.exit(1)
    except SipAgentError as error:
        errors.print(
            f"[red]error:[/] {escape(str(error))}", highlight=False, emoji=False, soft_wrap=True
        )
        sys.exit(1)
