"""`sipagent records`, how long they stay: prune, hold, and erase one caller's data."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.api.calls import Principal
from sipagent.api.keeping import (
    Certificate,
    ErasureWish,
    HoldWish,
    NodeShare,
    NotOnRecord,
    PrunedView,
    RetentionView,
)
from sipagent.app.keeping import Keeping, keeping_alone
from sipagent.app.state import read_pid
from sipagent.client import BlockingSipAgent
from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.store.removal import Removal

from .outside import UrlOption, server_at
from .style import ConfigOption, JsonOption, out, print_json, settings_from

T = TypeVar("T")
#: who acts by a command, as it stands on the audit chain
_WHO = Principal("cli")
CallId = Annotated[str, typer.Argument(help="as `sipagent calls` lists it")]


def overview(
    context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """The rules in force, what is due now and soon, and which calls are on hold."""
    if context.invoked_subcommand is not None:
        return
    view = _keeping(settings_from(config), lambda keeping: keeping.retention())
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        _show(view)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only count")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove now what is past its time by `retention`; a server that runs does so by itself."""
    view = _keeping(settings_from(config), lambda keeping: keeping.prune(dry_run=dry_run))
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        _pruned(view)
    if view.problems:
        raise typer.Exit(1)


def hold(
    call_id: CallId,
    why: Annotated[str, typer.Option(help="what for")] = "",
    config: ConfigOption = None,
) -> None:
    """Put a call on legal hold: no rule and no erasure removes anything of it."""
    wish = HoldWish(why=why)
    _keeping(settings_from(config), lambda keeping: keeping.hold(call_id, wish, _WHO))
    out.print(f"{escape(call_id)} stays until it is released.", highlight=False)


def release(call_id: CallId, config: ConfigOption = None) -> None:
    """Take a call off legal hold."""
    _keeping(settings_from(config), lambda keeping: keeping.release(call_id))
    out.print(f"{escape(call_id)} goes when the rules say so.", highlight=False)


def compact(config: ConfigOption = None) -> None:
    """Write the SQLite file anew while no server runs, and give what is free back to the disk."""
    settings = settings_from(config)
    _alone(settings)

    async def work() -> int:
        removal = Removal(settings.store.database)
        try:
            return (await removal.compact()).given_back
        finally:
            await removal.close()

    out.print(f"{asyncio.run(work()):,} bytes given back to the disk", highlight=False)


def erase(
    caller: Annotated[str, typer.Option(help="number or SIP address, in any spelling")],
    as_party: Annotated[
        Literal["caller", "any"],
        typer.Option(help="any: also calls in which they were called, or transferred to"),
    ] = "caller",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what there is")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove all that is known of one caller, everywhere, and certify it; there is no way back.

    While a server runs it does so itself, for the token of SIPAGENT_TOKEN.
    """
    settings = settings_from(config)
    runs = url is not None or read_pid(settings.state_folder) is not None
    ask = _by_server(*server_at(url, config)) if runs else _by_us(settings)
    if not dry_run and not yes:
        found = ask(ErasureWish(caller=caller, as_party=as_party, dry_run=True))
        if not as_json:
            _certified(found)
        typer.confirm("Remove this for good?", abort=True, err=True)
    done = ask(ErasureWish(caller=caller, as_party=as_party, dry_run=dry_run))
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        _certified(done)
    if not done.dry_run and not done.complete:
        raise typer.Exit(1)


def _by_server(url: str, token: str) -> Callable[[ErasureWish], Certificate]:
    def ask(wish: ErasureWish) -> Certificate:
        with BlockingSipAgent(url, token) as server:
            return server.erase(wish.caller, as_party=wish.as_party, dry_run=wish.dry_run)

    return ask


def _by_us(settings: Settings) -> Callable[[ErasureWish], Certificate]:
    def ask(wish: ErasureWish) -> Certificate:
        return _keeping(settings, lambda keeping: keeping.erase(wish, _WHO), exclusive=True)

    return ask


def _keeping(
    settings: Settings, do: Callable[[Keeping], Awaitable[T]], *, exclusive: bool = False
) -> T:
    async def work() -> T:
        with keeping_alone(settings, exclusive=exclusive) as keeping:
            try:
                return await do(keeping)
            finally:
                await keeping.close()

    try:
        return asyncio.run(work())
    except NotOnRecord as error:
        raise SipAgentError(f"{error}; `sipagent calls` lists them") from error


def _alone(settings: Settings) -> None:
    """Raises SipAgentError while a server runs on these settings."""
    if read_pid(settings.state_folder) is not None:
        raise SipAgentError("a server runs on these settings; end it first")


def _show(view: RetentionView) -> None:
    if not view.rules:
        out.print("Everything is kept for ever: there is no `retention` in the settings.")
    for rule in view.rules:
        kept = ", ".join(f"{kind} {length}" for kind, length in rule.keep.items())
        out.print(f"[bold]{escape(rule.which)}[/]: {kept}", highlight=False)
    if view.rules:
        table = Table(box=None, header_style="bold")
        table.add_column("due")
        kinds = list(view.due[0].calls)
        for kind in kinds:
            table.add_column(kind, justify="right")
        for due in view.due:
            table.add_row(f"{due.at:%Y-%m-%d %H:%M}", *(str(due.calls[kind]) for kind in kinds))
        out.print(table)
    for held in view.holds:
        why = f": {held.why}" if held.why else ""
        since = f"{held.at:%Y-%m-%d}"
        out.print(
            f"on hold since {since}: {escape(held.call_id)} ({escape(held.by)}{escape(why)})",
            highlight=False,
        )


def _pruned(view: PrunedView) -> None:
    what = ", ".join(f"{kind} {count}" for kind, count in view.counts.items())
    if not what:
        out.print("Nothing is past its time.")
    elif view.dry_run:
        out.print(f"would go, of so many calls: {what}", highlight=False)
    else:
        out.print(f"gone: {what}; {view.bytes_freed:,} bytes of files", highlight=False)
    if view.database_unused:
        out.print(
            f"[dim]{view.database_unused:,} bytes of the database's file are free and used again; "
            "`sipagent records compact` gives them back[/]",
            highlight=False,
        )
    for problem in view.problems:
        out.print(f"[red]not removed:[/] {escape(problem)}", soft_wrap=True, highlight=False)


def _shared(share: NodeShare) -> None:
    """What another node of the cluster did."""
    node = escape(share.node)
    for found in share.found:
        out.print(f"{found.count:>8} {escape(found.what)} in {escape(found.place)} at node {node}")
    if share.state == "waiting":
        out.print(f"[yellow]node {node} has still to look:[/] {escape(share.why)}", soft_wrap=True)
    for left in share.left:
        place = f"{escape(left.place)} at node {node}"
        out.print(f"[red]still there:[/] {left.count} {escape(left.what)} in {place}")


def _certified(done: Certificate) -> None:
    for found in done.found:
        out.print(f"{found.count:>8} {escape(found.what)} in {escape(found.place)}")
    if not done.found:
        out.print("Nothing is known of that caller.")
    for share in done.nodes:
        _shared(share)
    if done.other_party:
        out.print(
            f"{done.other_party} calls of others in which they were called, or transferred to, "
            "stay; --as-party any has them go"
        )
    if done.on_hold:
        out.print(f"[yellow]{done.on_hold} calls on hold stay[/]")
    if done.dry_run:
        return
    for left in done.left:
        out.print(f"[red]still there:[/] {left.count} {escape(left.what)} in {escape(left.place)}")
    out.print(f"[bold]{done.id}[/]: {'complete' if done.complete else 'not complete'}")
    out.print("This server cannot look into:")
    for place in done.elsewhere:
        out.print(f"  {escape(place)}", soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Make these commands of a group."""
    app.callback(invoke_without_command=True)(overview)
    for command in (prune, hold, release, compact, erase):
        app.command()(command)
