"""`sipagent calls`: what is on record."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.config import Settings
from sipagent.dialplan.routes import user_part
from sipagent.errors import SipAgentError
from sipagent.events import CallStarted, Event
from sipagent.store.bundle import Bundle, gather
from sipagent.store.database import sqlite_file
from sipagent.store.records import Store
from sipagent.store.upload.away import files_of

from .figures import tables
from .story import line, when
from .style import ConfigOption, JsonOption, out, print_json, settings_from, shown

#: what stands for a key of a search under another name
_OPTIONS = {"caller": "--from", "callee": "--to"}

app = typer.Typer(help="The calls on record; `calls show` tells one.", invoke_without_command=True)


@app.callback()
def calls(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", min=1, help="how many, newest first")] = 20,
    *,
    since: Annotated[datetime | None, typer.Option(help="begun then or later, UTC")] = None,
    until: Annotated[datetime | None, typer.Option(help="begun before then, UTC")] = None,
    caller: Annotated[str, typer.Option("--from", help="part of who called")] = "",
    callee: Annotated[str, typer.Option("--to", help="part of what was called")] = "",
    plan: Annotated[str, typer.Option(help="name of the dialplan")] = "",
    direction: Annotated[str | None, typer.Option(help="inbound or outbound")] = None,
    state: Annotated[str | None, typer.Option(help="live or ended")] = None,
    status: Annotated[str, typer.Option(help="SIP status: 486, or a class: 4xx")] = "",
    ended_by: Annotated[str | None, typer.Option(help="caller, agent, plan or system")] = None,
    min_duration: Annotated[float | None, typer.Option(help="seconds at least")] = None,
    text: Annotated[str, typer.Option(help="words that were said")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the last calls, all of them or those that every option fits; `show` shows one."""
    if context.invoked_subcommand is not None:
        return
    keys = {name: context.params[name] for name in Search.model_fields}
    found = asyncio.run(_calls(settings_from(config), _search(keys), limit))
    if as_json:
        print_json([cdr.model_dump(mode="json") for cdr in found])
        return
    if not found:
        out.print("no such calls on record" if any(keys.values()) else "no calls on record")
        return
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("call", no_wrap=True)
    for head in ("from", "to", "plan"):
        table.add_column(head, overflow="ellipsis", no_wrap=True)
    for head in ("s", "turns"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("ended", overflow="fold")
    for cdr in found:
        table.add_row(*map(escape, _row(cdr)))
    out.print(table)


@app.command()
def show(
    call_id: Annotated[str | None, typer.Argument(help="[default: the newest call]")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One call: who said what, what was decided, how long each turn took, and what was used.

    With --json all of it, as call.json has it.
    """
    settings = settings_from(config)
    events = asyncio.run(recorded(settings, call_id))
    folder = settings.store.bundles / events[0].call_id
    bundle = gather(events, folder, files_of(settings))
    if as_json:
        print_json(bundle.model_dump(mode="json"))
        return
    _tell(bundle, settings.store.bundles)


def _tell(bundle: Bundle, bundles: Path) -> None:
    cdr, events = bundle.cdr, bundle.events
    out.print(f"[bold]{escape(cdr.call_id)}[/]  {_parties(cdr)}", highlight=False, emoji=False)
    began = next((e for e in events if isinstance(e, CallStarted)), None)
    start = began.t if began is not None else events[0].t
    if began is not None and began.swml_id:
        out.print(f"[dim]to servers of SWML: {began.swml_id}[/]", highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for event in sorted(events, key=when):
        told = line(event)
        if told is not None:
            table.add_row(f"[dim]{(when(event) - start) / 1000:8.2f} s[/]", *told)
    out.print(table)
    for part in tables(cdr, bundle.turns):
        out.print()
        out.print(part)
    folder = bundles / cdr.call_id
    if folder.is_dir():
        names = ", ".join(sorted(p.name for p in folder.iterdir()))
        out.print(f"[dim]{escape(shown(folder))}: {escape(names)}[/]", highlight=False)


def _parties(cdr: Cdr) -> str:
    plan = f", plan {escape(cdr.plan)}" if cdr.plan else ""
    return f"{escape(cdr.caller)} → {escape(cdr.callee)}{plan}"


async def _calls(settings: Settings, wanted: Search, limit: int) -> Sequence[Cdr]:
    if _never_written(settings):
        return ()
    store = _store(settings)
    try:
        return (await store.search(wanted, limit)).calls
    finally:
        await store.close()


async def recorded(settings: Settings, call_id: str | None) -> list[Event]:
    """The events of one call, or of the newest. Raises SipAgentError where there is none."""
    events = [] if _never_written(settings) else await _events(settings, call_id)
    if not events:
        what = f"call {call_id}" if call_id else "call"
        raise SipAgentError(f"no {what} on record; `sipagent calls` lists them")
    return events


async def _events(settings: Settings, call_id: str | None) -> list[Event]:
    store = _store(settings)
    try:
        if call_id is None:
            newest = (await store.search(limit=1)).calls
            call_id = newest[0].call_id if newest else ""
        return await store.events(call_id)
    finally:
        await store.close()


def _search(keys: dict[str, Any]) -> Search:
    """Raises BadParameter for a value an option does not take."""
    try:
        return Search.model_validate(keys)
    except ValidationError as error:
        first = error.errors()[0]
        option = _OPTIONS.get(str(first["loc"][0]), f"--{first['loc'][0]}".replace("_", "-"))
        why = str(first["msg"]).removeprefix("Value error, ")
        raise typer.BadParameter(f"{option}: {why}") from error


def _store(settings: Settings) -> Store:
    """For reading: it is not opened, since taking in what waits on disk is the server's to do."""
    return Store(settings.store.database, settings.store.bundles / "events.jsonl")


def _never_written(settings: Settings) -> bool:
    """Is there no database file yet? Asking for records must not make one."""
    file = sqlite_file(settings.store.database)
    return file is not None and not file.exists()


def _row(cdr: Cdr) -> tuple[str, ...]:
    return (
        cdr.call_id,
        user_part(cdr.caller),
        user_part(cdr.callee),
        cdr.plan,
        f"{cdr.duration:.1f}",
        str(sum(cdr.turns.values())),
        cdr.reason if cdr.status in (None, 200) else f"{cdr.status} {cdr.reason}",
    )
