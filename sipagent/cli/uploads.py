"""`sipagent uploads`: bundles that wait for their way to object storage, and having them tried."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.config import Settings, Upload
from sipagent.errors import SipAgentError
from sipagent.store.bundle import CALL, read_bundle
from sipagent.store.upload.away import files_of, uploads_folder
from sipagent.store.upload.receipts import Receipts
from sipagent.store.upload.sending import waiting
from sipagent.store.upload.spool import Spool, Waiting
from sipagent.store.vault import Files, VaultError

from .style import ConfigOption, JsonOption, out, print_json, settings_from, shown

app = typer.Typer(
    help="Bundles that wait to be uploaded; `uploads retry` has them tried now.",
    invoke_without_command=True,
)
#: bundles that are shown one by one
_SHOWN = 20


@app.callback()
def uploads(
    context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """What waits, since when, and why; exit code 1 where an attempt has failed."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_from(config)
    _upload(settings)
    found = list(_spool(settings).all())
    if as_json:
        print_json({"waiting": [entry.model_dump(mode="json") for entry in found]})
    elif not found:
        out.print("nothing waits to be uploaded")
    else:
        out.print(_table(found))
        if len(found) > _SHOWN:
            out.print(f"[dim]and {len(found) - _SHOWN} more[/]")
        for cause in dict.fromkeys(entry.error for entry in found if entry.error):
            out.print(f"[red]failed:[/] {escape(cause)}", soft_wrap=True, highlight=False)
    if any(entry.attempts for entry in found):
        raise typer.Exit(1)


@app.command()
def retry(config: ConfigOption = None) -> None:
    """Have the running server try everything that waits now."""
    settings = settings_from(config)
    _upload(settings)
    spool = _spool(settings)
    spool.again()
    out.print(f"{spool.count} bundles will be tried by the running server")


@app.command()
def add(
    calls: Annotated[list[str] | None, typer.Argument(help="ids of calls")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="every call that is here and not there yet")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Have the bundles of calls uploaded, such as those from before `store.upload` was set.

    A call that is there already is sent again.
    """
    settings = settings_from(config)
    upload, files = _upload(settings), files_of(settings)
    spool, receipts = _spool(settings), Receipts(uploads_folder(settings))
    folders = [settings.store.bundles / call for call in calls or ()]
    if every:
        folders += [
            path.parent
            for path in sorted(settings.store.bundles.glob(f"[!.]*/{CALL}"))
            if receipts.get(path.parent.name) is None
        ]
    if not folders and not every:
        raise SipAgentError("name calls, or all of them with --all")
    for folder in folders:
        spool.put(_entry(upload, folder, files))
    out.print(f"{len(folders)} bundles wait to be uploaded by the running server")


def _entry(upload: Upload, folder: Path, files: Files) -> Waiting:
    try:
        if not (folder / CALL).is_file():
            raise FileNotFoundError
        return waiting(upload, read_bundle(folder, files).cdr, folder)
    except (OSError, ValueError) as error:
        raise SipAgentError(f"there is no bundle in {shown(folder)}") from error
    except VaultError as error:
        raise SipAgentError(str(error)) from error


def _table(found: list[Waiting]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in ("call", "since", "attempts", "next try"):
        table.add_column(head, justify="right" if head == "attempts" else "left", no_wrap=True)
    for entry in found[:_SHOWN]:
        since = datetime.fromtimestamp(entry.since, UTC)
        wait = max(0, int(entry.next_try - time.time()))
        when = f"in {wait} s" if wait else "when its turn comes"
        begun = f"{since:%Y-%m-%d %H:%M:%S}"
        table.add_row(escape(entry.call_id), begun, str(entry.attempts), when)
    return table


def _upload(settings: Settings) -> Upload:
    if settings.store.upload is None:
        raise SipAgentError("nothing is uploaded: `store.upload` of sipagent.yaml says where to")
    return settings.store.upload


def _spool(settings: Settings) -> Spool:
    return Spool(uploads_folder(settings) / "waiting")
