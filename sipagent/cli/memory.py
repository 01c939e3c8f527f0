"""`sipagent memory`: what agents keep of callers between calls; delete a caller's."""

import asyncio
import json
from typing import Annotated

import typer
from rich.table import Table

from sipagent.app.callers import memory_book
from sipagent.app.state import read_secret
from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.store.memories import Memory, MemoryBook, caller_of
from sipagent.store.schema import BASE, SchemaOlder

from .style import ConfigOption, JsonOption, out, settings_from

app = typer.Typer(help="What agents keep of callers between calls: list it, forget a caller.")


@app.callback(invoke_without_command=True)
def memory(
    context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Who is remembered, as a key that is no number, by which agent, and until when."""
    if context.invoked_subcommand is not None:
        return
    known = asyncio.run(_all(settings_from(config)))
    if as_json:
        out.print_json(json.dumps([_plain(item) for item in known]))
        return
    if not known:
        out.print("Nobody is remembered.")
        return
    table = Table(box=None, header_style="bold")
    for head in ("caller", "agent", "written (UTC)", "until", "characters"):
        table.add_column(head, justify="right" if head == "characters" else "left")
    for item in known:
        written, until = (f"{moment:%Y-%m-%d}" for moment in (item.written, item.until))
        table.add_row(item.who[:12], item.agent, written, until, str(len(item.text)))
    out.print(table)


@app.command()
def forget(
    number: Annotated[str, typer.Argument(help="a number or a SIP address, as it calls")],
    config: ConfigOption = None,
) -> None:
    """Delete all that any agent keeps of a caller; a running server knows it at once."""
    if not caller_of(number):
        raise SipAgentError(f"{number!r} is nobody: withheld numbers are never remembered")
    count = asyncio.run(_forget(settings_from(config), number))
    if not count:
        raise SipAgentError("nobody remembers that caller")
    out.print(f"Forgotten by {count} agent{'s' if count > 1 else ''}.")


def _plain(item: Memory) -> dict[str, object]:
    return {
        "caller": item.who,
        "agent": item.agent,
        "written": item.written.isoformat(),
        "until": item.until.isoformat(),
        "characters": len(item.text),
    }


async def _all(settings: Settings) -> list[Memory]:
    book = _book(settings)
    try:
        return await book.all()
    except SchemaOlder as error:
        if error.found == BASE:  # no server ran yet
            return []
        raise
    finally:
        await book.close()


async def _forget(settings: Settings, number: str) -> int:
    book = _book(settings)
    try:
        return await book.forget(number)
    finally:
        await book.close()


def _book(settings: Settings) -> MemoryBook:
    return memory_book(settings, read_secret(settings.state_folder), upgrade=False)
