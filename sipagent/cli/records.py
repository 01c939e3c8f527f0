"""`sipagent records`: how long they stay; files of calls at rest, and the keys that open them."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.store.bundle import CALL
from sipagent.store.upload.away import files_of, uploads_folder
from sipagent.store.upload.bucket import Bucket
from sipagent.store.upload.receipts import Receipts
from sipagent.store.upload.rekeying import keys_there, rekeyed_there
from sipagent.store.upload.spool import Spool, Waiting
from sipagent.store.vault import Keyring, VaultError
from sipagent.store.vault.files import keyring
from sipagent.store.vault.rekeying import Done, bundle_files, key_of, rekeyed, sealed

from .retention import add_to
from .style import ConfigOption, JsonOption, out, print_json, settings_from, shown

app = typer.Typer(
    help="How long records stay, holds, erasing one caller; files at rest and their keys."
)
add_to(app)
_BLOCK = 1 << 20


@app.command()
def keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """How many files each key opens: one that opens none can be dropped from the settings.

    Exit 1 where files are sealed with a key that the settings do not have.
    """
    settings = settings_from(config)
    known = keyring(settings.store)
    count, broken = _counted(settings)
    names = dict.fromkeys([*(known.names if known else ()), *sorted(filter(None, count))])
    rows = [
        {
            "key": name,
            "files": count[name],
            "current": known is not None and name == known.current,
            "known": known is not None and name in known.names,
        }
        for name in names
    ]
    if as_json:
        print_json({"keys": rows, "plain": count[None], "broken": broken})
    else:
        table = Table(box=None, header_style="bold", padding=(0, 1))
        table.add_column("key")
        table.add_column("files", justify="right")
        table.add_column("")
        for row in rows:
            state = "current" if row["current"] else ""
            state = state if row["known"] else "[red]not in the settings[/]"
            table.add_row(escape(str(row["key"])), str(row["files"]), state)
        table.add_row("[dim]plain[/]", str(count[None]), "")
        if broken:
            table.add_row("[red]not readable[/]", str(broken), "")
        out.print(table)
    if any(row["files"] and not row["known"] for row in rows):
        raise typer.Exit(1)


@app.command()
def rekey(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be done")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="seal files that lie plain, too")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the current key open every sealed file, whatever key did. The server may run meanwhile.

    What was done stays done when it is interrupted; run it again for the rest. Exit 1 where a file
    could not be rekeyed.
    """
    settings = settings_from(config)
    known = _keys(settings)
    failed: list[str] = []
    changed: set[str] = set()
    count = _rekeyed_here(settings, known, failed, changed, plain=plain, try_only=dry_run)
    if settings.store.upload is not None:
        if not dry_run:
            _send_again(settings, changed)
        count["done"] += asyncio.run(_rekeyed_there(settings, known, failed, try_only=dry_run))
    if as_json:
        print_json({"dry_run": dry_run, "key": known.current, **count, "failed": failed})
    else:
        would = "would be " if dry_run else ""
        out.print(f"{count['done']} files {would}put under the key {escape(known.current)}")
        for what, words in _WORDS.items():
            if count[what]:
                out.print(f"[dim]{count[what]} {words}[/]", highlight=False)
        for cause in failed:
            out.print(f"[red]not done:[/] {escape(cause)}", soft_wrap=True, highlight=False)
    if failed:
        raise typer.Exit(1)


def _counted(settings: Settings) -> tuple[Counter[str | None], int]:
    """Files and objects by the name of their key, and how many say none."""
    count: Counter[str | None] = Counter()
    broken = 0
    for path in bundle_files(settings.store.bundles):
        try:
            count[key_of(path)] += 1
        except (VaultError, OSError):
            broken += 1
    return count + asyncio.run(_counted_there(settings)), broken


async def _counted_there(settings: Settings) -> Counter[str | None]:
    count: Counter[str | None] = Counter()
    if settings.store.upload is not None:
        bucket = Bucket(settings.store.upload)
        for receipt in Receipts(uploads_folder(settings)).away():
            count.update(await keys_there(receipt, bucket))
    return count


def _rekeyed_here(
    settings: Settings,
    known: Keyring,
    failed: list[str],
    changed: set[str],
    *,
    plain: bool,
    try_only: bool,
) -> Counter[Done]:
    """What lies on this disk; `changed` learns of which calls."""
    count: Counter[Done] = Counter()
    for path in bundle_files(settings.store.bundles):
        try:
            done = rekeyed(path, known, try_only=try_only)
            if done == "plain" and plain and (path.parent / CALL).exists():
                done = sealed(path, known, try_only=try_only)
            count[done] += 1
            if done == "done":
                changed.add(path.parent.name)
        except FileNotFoundError:
            count["moved"] += 1
        except (VaultError, OSError) as error:
            failed.append(str(error))
    return count


async def _rekeyed_there(
    settings: Settings, known: Keyring, failed: list[str], *, try_only: bool
) -> int:
    """What is in object storage only; how many objects that were."""
    assert settings.store.upload is not None
    bucket, receipts = Bucket(settings.store.upload), Receipts(uploads_folder(settings))
    count = 0
    for receipt in receipts.away():
        try:
            count += await rekeyed_there(receipt, bucket, receipts, known, try_only=try_only)
        except (VaultError, OSError) as error:
            failed.append(f"{receipt.call_id}: {error}")
    return count


def _send_again(settings: Settings, calls: Collection[str]) -> None:
    """What is there as well is to be as it is here."""
    folder = uploads_folder(settings)
    spool, receipts = Spool(folder / "waiting"), Receipts(folder)
    for call_id in calls:
        if (receipt := receipts.get(call_id)) is not None:
            here = settings.store.bundles / call_id
            now = time.time()
            spool.put(Waiting(call_id=call_id, folder=here, prefix=receipt.prefix, since=now))


_WORDS: dict[Done, str] = {
    "current": "are under it already",
    "plain": "lie plain; --plain seals them",
    "open": "are being written, or were left so by a kill: see docs/recordings.md",
    "moved": "were written anew or erased meanwhile",
}


@app.command("open")
def open_file(
    file: Annotated[Path, typer.Argument(help="a sealed file in its call's folder")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: standard output]")
    ] = None,
    cut: Annotated[
        bool, typer.Option("--cut", help="also one whose end is missing, as far as it goes")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Write the plain content of one file, which the keys of the settings open."""
    files = files_of(settings_from(config))
    try:
        with files.open(file.absolute(), cut=cut) as opened:
            target = sys.stdout.buffer if output is None else output.open("wb")
            try:
                while block := opened.read(_BLOCK):
                    target.write(block)
            finally:
                if output is not None:
                    target.close()
    except OSError as error:
        raise SipAgentError(f"{shown(file)}: {error.strerror or error}") from error


def _keys(settings: Settings) -> Keyring:
    known = keyring(settings.store)
    if known is None:
        raise SipAgentError("there is no key: store.encryption of sipagent.yaml names them")
    return known
