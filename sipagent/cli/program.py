"""The `sipagent` program: every command by its name."""

import sys
from dataclasses import dataclass
from importlib import import_module

import typer
from rich.console import Console
from rich.markup import escape

from sipagent.errors import ConfigError, SipAgentError

from .style import print_findings


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them: what it is called, where it is, and its line in the list."""

    name: str
    #: `module:function` of this package, or `module:app` for a group
    place: str
    #: as the function's docstring, or the group's help, begins
    help: str


COMMANDS = (
    Command(
        *("serve", "serve:serve"),
        "Answer calls until SIGTERM or Ctrl-C; SIGHUP reloads, SIGUSR2 restarts; both keep calls.",
    ),
    Command(
        *("reload", "control:reload"),
        "Check settings and dialplans, and have the running server take them; calls go on.",
    ),
    Command(
        *("restart", "control:restart"),
        "Check settings and dialplans, and have the server start anew; live calls go on.",
    ),
    Command(
        *("drain", "draining:drain"),
        "Have the running server take no new calls; live ones go on to their own end.",
    ),
    Command(*("undrain", "draining:undrain"), "Have it take calls again."),
    Command(
        *("demo", "demo:demo"),
        "Place a real SIP call into the agent; exit 0 only when everything was shown.",
    ),
    Command(
        *("check", "plans:check"),
        "Check settings, dialplans and tools: every finding with file, line and key.",
    ),
    Command(
        *("doctor", "doctor:doctor"),
        "Look for what keeps calls from working: beside a server that runs, or before its first "
        "start.",
    ),
    Command(
        *("explain", "plans:explain"),
        "Say which plan takes a call to NUMBER, and why; exit 1 when none does.",
    ),
    Command(
        *("schema", "plans:schema"),
        "Print the JSON Schema of dialplans, or of sipagent.yaml, for editors.",
    ),
    Command(
        *("test", "test:test"),
        "Play the scenarios of dialplans: whole calls, simulated on a virtual clock.",
    ),
    Command(
        *("simulate", "simulate:simulate_call"),
        "Talk with PLAN by typing: a line is what the caller says; `/help` tells what else there "
        "is.",
    ),
    Command(
        *("call", "call:call"),
        "Call TARGET, do the actions, hang up, and report; exit 0 when everything was done.",
    ),
    Command("calls", "calls:app", "The calls on record; `calls show` tells one."),
    Command(
        *("records", "records:app"),
        "How long records stay, holds, erasing one caller; files at rest and their keys.",
    ),
    Command(
        *("audit", "audit:app"),
        "Who did what: verify that nobody changed the audit chain; take a checkpoint of it.",
    ),
    Command(
        *("uploads", "uploads:app"),
        "Bundles that wait to be uploaded; `uploads retry` has them tried now.",
    ),
    Command(
        *("bundle", "bundle:bundle"),
        "Write a call that is over into one zip: record, sound, SIP ladder, plan, models' answers.",
    ),
    Command(
        *("replay", "replay:replay_call"),
        "Run the caller's side of a call again, on a virtual clock, and show what differs.",
    ),
    Command(
        *("originate", "outside:originate"),
        "Have the running server call somebody, with the token of SIPAGENT_TOKEN.",
    ),
    Command(
        *("mcp", "outside:mcp"),
        "Serve MCP over stdin and stdout, for the running server, with the token of "
        "SIPAGENT_TOKEN.",
    ),
    Command(
        *("mcp-servers", "mcp_servers:mcp_servers"),
        "Connect, list, and say what each agent would be offered and why not; exit 1 where one is "
        "not to be had.",
    ),
    Command(
        *("token", "outside:token"),
        "Make a token for the API: the token itself, and the hash that stands in sipagent.yaml.",
    ),
    Command(
        *("trunks", "trunks:trunks"),
        "Registrations and reachability; exit code 1 when a trunk is down.",
    ),
    Command(
        *("webhooks", "webhooks:app"),
        "How the receivers of webhooks do; `webhooks secret` makes a secret for one.",
    ),
    Command(
        *("cluster", "cluster:app"),
        "Several servers as one: who lives, what stands in front of them, and emptying one.",
    ),
    Command("bans", "bans:app", "Sources that get no answer: list them, lift a ban, set one."),
    Command(
        *("memory", "memory:app"),
        "What agents keep of callers between calls: list it, forget a caller.",
    ),
    Command(
        *("database", "database:app"),
        "The schema of the database: what it is, up to date, or back.",
    ),
    Command("tools", "tools:app", "The functions of tools/: list them, try one, serve them."),
    Command(
        *("bench", "bench:app"),
        "Measure delay, call rate, conversations and barge-in against a server on loopback. "
        "`bench capacity`: how many conversations this machine holds.",
    ),
    Command(
        *("capacity", "capacity:capacity"),
        "Reckon lines, machines, bandwidth and disk for so many calls a day: docs/capacity.md.",
    ),
)


def program(wanted: str) -> typer.Typer:
    """All commands, of which the wanted one can be run.

    The others are names and words only: to import what they need would cost each command seconds.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        help="SIP calls answered by AI agents, with telephony as permitted tools.",
    )
    for command in COMMANDS:
        if command.name != wanted:
            app.command(command.name, help=command.help)(_another)
            continue
        name, _, attribute = command.place.partition(":")
        module = import_module(f".{name}", __package__)
        found = getattr(module, attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=command.name)
        else:
            app.command(command.name, epilog=getattr(module, "EPILOG", None))(found)
    return app


def _another() -> None:
    raise AssertionError("unreachable: the first word names the command")


def main() -> None:
    """Run a command; our own errors end it with words and exit code 1, never a traceback."""
    errors = Console(stderr=True)
    try:
        program(next((word for word in sys.argv[1:] if not word.startswith("-")), ""))()
    except ConfigError as error:
        print_findings(errors, error.findings)
        sys.exit(1)
    except SipAgentError as error:
        errors.print(
            f"[red]error:[/] {escape(str(error))}", highlight=False, emoji=False, soft_wrap=True
        )
        sys.exit(1)
