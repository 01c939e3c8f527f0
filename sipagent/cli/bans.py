"""`sipagent bans`: sources that get no answer; lift a ban, or set one."""

import json
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.app.ban_file import changing, read_bans
from sipagent.edge.door.bans import Ban
from sipagent.edge.door.sources import Known, address_of, source_of
from sipagent.errors import SipAgentError

from .style import ConfigOption, JsonOption, out, settings_from

app = typer.Typer(help="Sources that get no answer: list them, lift a ban, set one.")
Address = Annotated[str, typer.Argument(help="an address; of IPv6 its /64 is meant")]


@app.callback(invoke_without_command=True)
def bans(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Who is banned, why, and until when."""
    if context.invoked_subcommand is not None:
        return
    now = time.time()
    banned = [b for b in read_bans(settings_from(config).store.bundles) if b.until > now]
    if as_json:
        out.print_json(json.dumps([ban.model_dump(mode="json") for ban in banned]))
        return
    if not banned:
        out.print("Nobody is banned.")
        return
    table = Table(box=None, header_style="bold")
    for head in ("source", "until (UTC)", "times", "why"):
        table.add_column(head, justify="right" if head == "times" else "left", overflow="fold")
    for ban in sorted(banned, key=lambda ban: ban.until):
        table.add_row(ban.source, f"{ban.ends:%Y-%m-%d %H:%M:%S}", str(ban.times), escape(ban.why))
    out.print(table)


@app.command()
def lift(address: Address, config: ConfigOption = None) -> None:
    """Let a source speak again; a running server does within a second."""
    source = _source(address)
    with changing(settings_from(config).store.bundles) as known:
        kept = [ban for ban in known if ban.source != source]
        if len(kept) == len(known):
            raise SipAgentError(f"{source} is not banned")
        known[:] = kept
    out.print(f"{source} may speak again.")


@app.command()
def add(
    address: Address,
    hours: Annotated[float, typer.Option(help="for how long", min=0.001)] = 24.0,
    config: ConfigOption = None,
) -> None:
    """Ban a source; a running server hears nothing of it within a second."""
    source, settings = _source(address), settings_from(config)
    trunks = (n for trunk in settings.trunks.values() for n in trunk.addresses)
    if address in Known([*settings.guard.allow, *settings.sip.guests, *trunks]):
        raise SipAgentError(f"{address} is a guest, a trunk or in guard.allow: never banned")
    now = time.time()
    ban = Ban(source=source, why="by hand", since=now, until=now + hours * 3600)
    with changing(settings.store.bundles) as known:
        known[:] = [*(b for b in known if b.source != source), ban]
    until = datetime.fromtimestamp(ban.until, UTC)
    out.print(f"{source} gets no answer until {until:%Y-%m-%d %H:%M} UTC.")


def _source(address: str) -> str:
    """Raises SipAgentError."""
    try:
        return source_of(str(address_of(address)))
    except ValueError:
        raise SipAgentError(f"{address!r} is not an address") from None
