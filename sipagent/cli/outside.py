"""`sipagent originate`, `sipagent mcp` and `sipagent token`: a running server from outside."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sipagent.api.calls import Origination, Principal
from sipagent.api.keyring import new_token
from sipagent.api.mcp.server import build
from sipagent.client.remote import RemoteCalls
from sipagent.config import Log, Settings
from sipagent.errors import SipAgentError
from sipagent.events import CallEnded, Event, LegChanged
from sipagent.log import configure

from .style import ConfigOption, JsonOption, out, print_json, settings_from

#: where the token for this server stands, for programs of this package
VARIABLE = "SIPAGENT_TOKEN"

UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="where the server's API is [default: as the settings say]"),
]


def token(as_json: JsonOption = False) -> None:
    """Make a token for the API: the token itself, and the hash that stands in sipagent.yaml."""
    made, digest = new_token()
    if as_json:
        print_json({"token": made, "hash": digest})
        return
    out.print(f"token: {made}", highlight=False, soft_wrap=True)
    out.print(f'hash:  "{digest}"', highlight=False, soft_wrap=True)
    out.print(
        "Keep the token where it is used, and put the hash under api.tokens of sipagent.yaml.",
        soft_wrap=True,
    )


def originate(
    to: Annotated[str, typer.Argument(help="number, phone of ours, or SIP URI to call")],
    plan: Annotated[str, typer.Option(help="dialplan that runs when they answer")] = "",
    *,
    section: Annotated[str, typer.Option(help="where it begins")] = "main",
    agent: Annotated[str, typer.Option(help="an agent of the plan, in place of a section")] = "",
    variable: Annotated[
        list[str] | None, typer.Option("--var", help="name=value, seen as vars.name; repeatable")
    ] = None,
    caller_id: Annotated[str | None, typer.Option(help="number shown")] = None,
    timeout: Annotated[float, typer.Option(help="seconds of ringing")] = 30,
    detect_machine: Annotated[bool, typer.Option(help="find out first who answered")] = False,
    wait: Annotated[bool, typer.Option(help="until the call is over; exit 1 if unanswered")] = True,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the running server call somebody, with the token of SIPAGENT_TOKEN."""
    wish = Origination(
        to=to,
        plan=plan,
        section=section,
        agent=agent,
        variables=_pairs(variable or []),
        caller_id=caller_id,
        timeout=timeout,
        detect_machine=detect_machine,
    )
    answered = asyncio.run(_originate(server_at(url, config), wish, wait, as_json))
    if not answered:
        raise typer.Exit(1)


def mcp(url: UrlOption = None, config: ConfigOption = None) -> None:
    """Serve MCP over stdin and stdout, for the running server, with the token of SIPAGENT_TOKEN."""
    configure(Log(level="warning"))  # to stderr: stdout is the client's
    asyncio.run(_mcp(server_at(url, config)))


async def _originate(at: tuple[str, str], wish: Origination, wait: bool, as_json: bool) -> bool:
    async with RemoteCalls(*at) as calls:
        view = await calls.originate(wish, Principal("api"))
        if not as_json:
            out.print(f"[bold]{escape(view.call_id)}[/] calls {escape(wish.to)}", soft_wrap=True)
        if wait:
            async for item in calls.events(view.call_id, after=0):
                if item.event is not None and not as_json and (line := _line(item.event)):
                    out.print(line, soft_wrap=True)
            view = await calls.get(view.call_id)
        if as_json:
            print_json(view.model_dump(mode="json"))
        return not wait or view.answered is not None


def _line(event: Event) -> str:
    if isinstance(event, LegChanged) and event.role == "caller":
        return f"{event.state} {event.status or ''}".rstrip()
    if isinstance(event, CallEnded):
        return f"[bold]{event.status}[/] {escape(event.reason)}"
    return ""


async def _mcp(at: tuple[str, str]) -> None:
    async with RemoteCalls(*at, program="mcp") as calls:
        await calls.list()  # a wrong token or URL is told before a client waits for anything
        server, updates = build(calls)
        async with updates.running():
            await server.run_stdio_async()


def server_at(url: str | None, config: Path | None) -> tuple[str, str]:
    """Where the API is, and the token. Raises SipAgentError."""
    secret = os.environ.get(VARIABLE, "").strip()
    if not secret:
        raise SipAgentError(f"set {VARIABLE} to a token of the server; sipagent token makes one")
    return url or _url(settings_from(config)), secret


def _url(settings: Settings) -> str:
    if settings.api is None:
        raise SipAgentError("there is no api: in the settings; add it, or give --url")
    host = "127.0.0.1" if settings.api.host == "0.0.0.0" else settings.api.host  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    return f"http{'s' if settings.api.tls else ''}://{host}:{settings.api.port}"


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            sys.stderr.write(f"--var {text}: not name=value\n")
            raise typer.Exit(2)
    return dict(text.split("=", 1) for text in texts)
