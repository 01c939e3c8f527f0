"""`sipagent database`: which schema the database has; bring it up to date, or back."""

import asyncio
import sys
import time
from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.store.database import answering, engine_for, probe, sqlite_file
from sipagent.store.schema import BASE, HEAD, REVISIONS, SchemaNewer, migrated, revision_of, steps

from .style import ConfigOption, JsonOption, out, print_json, settings_from

app = typer.Typer(
    no_args_is_help=True, help="The schema of the database: what it is, up to date, or back."
)


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Which schema the database has and which this release needs; exit 1 where they differ."""
    settings = settings_from(config)
    with answering():
        engine, size, found = asyncio.run(_looked(settings))
    left = [] if found not in (BASE, *REVISIONS) else steps(found)
    if as_json:
        waiting = [{"revision": step.revision, "what": step.what} for step in left]
        print_json(
            {"database": engine, "bytes": size, "schema": found, "needs": HEAD, "waiting": waiting}
        )
    else:
        out.print(f"{escape(engine)}, {size / 1e6:.1f} MB", highlight=False)
        out.print(f"schema {found}, this release needs {HEAD}", highlight=False)
        for step in left:
            out.print(f"  {step.revision}  {escape(step.what)}", highlight=False)
    if found not in (BASE, *REVISIONS):
        raise SchemaNewer(found)
    raise typer.Exit(0 if found == HEAD else 1)


@app.command()
def upgrade(
    to: Annotated[str, typer.Argument(help="schema to stop at, such as 0001")] = HEAD,
    config: ConfigOption = None,
) -> None:
    """Do the migrations that are waiting; the server does the same at its start."""
    _go(settings_from(config), _known(to), forwards=True)


@app.command()
def downgrade(
    to: Annotated[str, typer.Argument(help="schema to go back to, such as 0001, or base")],
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Undo migrations, for an older release; what only they had room for is lost. Stop the servers
    before: this release brings the database up again at its start.
    """
    to = _known(to)
    if not yes:
        lost = "EVERY RECORD is deleted" if to == BASE else "what newer schemas added is deleted"
        if not sys.stdin.isatty():
            raise SipAgentError(f"back to {to}: {lost}; say --yes where nobody can be asked")
        typer.confirm(f"Back to {to}: {lost}. Go on?", abort=True)
    _go(settings_from(config), to, forwards=False)


def _known(revision: str) -> str:
    if revision not in (BASE, *REVISIONS):
        raise typer.BadParameter(f"{revision!r} is none of {BASE}, {', '.join(REVISIONS)}")
    return revision


def _place(revision: str) -> int:
    return (BASE, *REVISIONS).index(revision)


def _go(settings: Settings, to: str, *, forwards: bool) -> None:
    began = time.monotonic()

    def told(before: str, after: str, what: str) -> None:
        seconds = time.monotonic() - began
        out.print(f"{before} -> {after}  {escape(what)} ({seconds:.1f} s)", highlight=False)

    async def go() -> str:
        engine = engine_for(settings.store.database)
        try:
            async with engine.connect() as connection:
                found = await _revision(connection, engine.url)
            known = found in (BASE, *REVISIONS)
            if known and found != to and (_place(found) < _place(to)) is not forwards:
                other = "downgrade" if forwards else "upgrade"
                raise SipAgentError(f"the database has schema {found}: `sipagent database {other}`")
            await migrated(engine, to, told)
            return found
        finally:
            await engine.dispose()

    with answering():
        found = asyncio.run(go())
    out.print(f"The database has schema {to}{' already' if found == to else ''}.", highlight=False)


async def _looked(settings: Settings) -> tuple[str, int, str]:
    """What the database is, its bytes, and its schema. Raises one of ERRORS."""
    file = sqlite_file(settings.store.database)
    if file is not None and not file.exists():  # and asking must not make it
        return f"SQLite, {file} (made at the first start)", 0, BASE
    engine = engine_for(settings.store.database)
    try:
        async with engine.connect() as connection:
            found = await _revision(connection, engine.url)
            if engine.url.get_backend_name() == "postgresql":
                words = "SHOW server_version", "SELECT pg_database_size(current_database())"
                version, size = [await connection.scalar(text(word)) for word in words]
                place = f"PostgreSQL {version}, database {engine.url.database}"
            else:
                words = "PRAGMA page_count", "PRAGMA page_size"
                pages, each = [await connection.scalar(text(word)) for word in words]
                place, size = f"SQLite, {engine.url.database}", int(pages or 0) * int(each or 0)
            return place, int(size or 0), found
    finally:
        await engine.dispose()


async def _revision(connection: AsyncConnection, url: URL) -> str:
    await asyncio.to_thread(probe, url)
    return await connection.run_sync(revision_of)
