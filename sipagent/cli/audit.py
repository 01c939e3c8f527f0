"""`sipagent audit`: is the audit chain as it was written, and the calls it seals?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sipagent.app.keeping.chronicle import chain_file, keys_of
from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.store.bundle import read_bundle
from sipagent.store.chain_file import Checkpoint, read_checkpoint, write_checkpoint
from sipagent.store.fingerprint import fingerprint
from sipagent.store.upload.away import files_of
from sipagent.store.vault import VaultError

from .style import ConfigOption, JsonOption, out, print_json, settings_from

app = typer.Typer(
    help="Who did what: verify that nobody changed the audit chain; take a checkpoint of it."
)


@app.command()
def verify(
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="one that was kept elsewhere: the chain must go through it; repeatable"),
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="also look at the bundles of the calls on it")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the first entry that was changed, removed, put in or moved; exit code 1 for any."""
    settings = settings_from(config)
    keys = keys_of(settings)
    kept = [_read(path) for path in checkpoint or ()]
    for path, one in zip(checkpoint or (), kept, strict=True):
        if keys and not one.is_ours(keys):
            raise SipAgentError(f"{path} was not signed by a key of audit.key_env")
    try:
        verdict, calls = chain_file(settings).verify(keys, kept)
    except OSError as error:
        raise SipAgentError(f"the audit chain cannot be read: {error}") from error
    problems = [problem.what for problem in verdict.problems]
    if files:
        problems += _changed(settings, calls)
    if as_json:
        print_json(
            {
                "first": verdict.first,
                "last": verdict.last,
                "entries": verdict.entries,
                "problems": problems,
                "warnings": list(verdict.warnings),
            }
        )
    else:
        out.print(f"{verdict.entries} entries, {verdict.first} to {verdict.last}", highlight=False)
        for warning in verdict.warnings:
            out.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True, highlight=False)
        for problem in problems:
            out.print(f"[red]{escape(problem)}[/]", soft_wrap=True, highlight=False)
        if not problems:
            signed = "" if keys else ", as far as can be said without a key"
            out.print(f"[green]nothing was changed{signed}[/]")
    if problems:
        raise typer.Exit(1)


@app.command()
def checkpoint(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: standard output]")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Where the chain ends now, signed where there is a key: to be kept on another machine."""
    try:
        taken = chain_file(settings_from(config)).checkpoint()
        if output is None:
            typer.echo(taken.model_dump_json())
        else:
            write_checkpoint(output, taken)
    except OSError as error:
        raise SipAgentError(f"no checkpoint was taken: {error}") from error


def _read(path: Path) -> Checkpoint:
    try:
        return read_checkpoint(path)
    except OSError as error:
        raise SipAgentError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SipAgentError(
            f"{path} is no checkpoint: `sipagent audit checkpoint` makes one"
        ) from error


def _changed(settings: Settings, calls: Any) -> list[str]:
    """What is wrong with the bundles of calls that are sealed and have not gone."""
    problems, kept = [], files_of(settings)
    for call_id, sealed in calls.items():
        folder = settings.store.bundles / call_id
        try:
            now = fingerprint(folder, read_bundle(folder, kept).cdr, kept)
        except (OSError, ValueError, VaultError) as error:
            why = error if isinstance(error, VaultError) else "gone, or not as it was written"
            problems.append(f"call.json of {call_id}: {why}")
            continue
        for name, digest in sealed.get("files", {}).items():
            if now.get(name) != digest:
                how = "is gone" if name not in now else "was changed"
                problems.append(f"{name} of {call_id} {how}")
    return problems
