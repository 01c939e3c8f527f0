"""`sipagent bundle`: a call as one file, to keep, to hand on or to replay."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sipagent.errors import SipAgentError
from sipagent.store.archive import Archive, Wish, pieces, read_archive, write_archive
from sipagent.store.upload.away import files_of

from .calls import recorded
from .style import ConfigOption, JsonOption, out, print_json, settings_from, shown


def bundle(
    call_id: Annotated[str | None, typer.Argument(help="[default: the newest call]")] = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: CALL_ID.zip]")
    ] = None,
    without: Annotated[
        str, typer.Option(help="leave out: audio, transcript, sip, models, plan; with commas")
    ] = "",
    redact: Annotated[
        bool,
        typer.Option(
            "--redact", help="take out numbers, addresses and keys by every rule, and the sound"
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a call that is over into one zip: record, sound, SIP ladder, plan, models' answers.

    Passwords in the plan are masked, and what `privacy.redact` of the settings names now goes too.
    """
    settings = settings_from(config)
    rules = settings.privacy.redact if settings.privacy is not None else ()
    try:
        wish = Wish.of(pieces(without), rules, redact=redact)
    except ValueError as error:
        raise SipAgentError(f"--without: {error}") from error
    events = asyncio.run(recorded(settings, call_id))
    found = events[0].call_id
    path = output or Path(f"{found}.zip")
    try:
        files = files_of(settings)
        write_archive(path, settings.store.bundles / found, events, wish, files)
    except OSError as error:
        raise SipAgentError(f"{shown(path)} cannot be written: {error.strerror}") from error
    _tell(read_archive(path), as_json)


def _tell(archive: Archive, as_json: bool) -> None:
    if as_json:
        print_json({"path": str(archive.path), **archive.index.model_dump(mode="json")})
        return
    size = archive.path.stat().st_size
    out.print(f"[bold]{escape(shown(archive.path))}[/]: {size:,} bytes", highlight=False)
    for filed in archive.index.files:
        out.print(f"  {filed.bytes:>12,}  {escape(filed.name)}", highlight=False)
    if archive.index.redacted:
        out.print(f"[dim]redacted: {escape(', '.join(archive.index.redacted))}[/]")
