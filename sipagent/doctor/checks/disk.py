"""Is there room for records, and can they be written?"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import text

from sipagent.config import Settings
from sipagent.doctor.aside import aside
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.errors import ConfigError
from sipagent.store.database import ERRORS, cause_of, engine_for, probe, sqlite_file
from sipagent.store.schema import BASE, HEAD, REVISIONS, revision_of

#: free bytes: a stereo recording is 1.9 MB a minute
_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20
#: what is written to see if it can be
_SAMPLE = 64 << 10

DISK_FULL = Ailment(
    "disk-full",
    Severity.PROBLEM,
    "the disk is full, or the quota used up: records and recordings are lost",
    "free some space (old calls first), or set the folder to another disk",
)
DISK_LOW = Ailment(
    "disk-low",
    Severity.WARNING,
    "little space is left: a stereo recording takes 2 MB a minute",
    "free some space (old calls first), or set the folder to another disk",
)
NOT_WRITABLE = Ailment(
    "not-writable",
    Severity.PROBLEM,
    "the user this runs as may not write there, or the disk is mounted read-only",
    "chown the folder to the user of the server, or set another one",
)
DATABASE_DOWN = Ailment(
    "database-down",
    Severity.PROBLEM,
    "the database does not open: damaged, locked, or its server does not answer",
    "see what it says; meanwhile events wait on disk beside the records (events.jsonl.N.ahead), "
    "and none is lost",
)
NO_WAL = Ailment(
    "database-no-wal",
    Severity.WARNING,
    "SQLite cannot use its write-ahead log there, as on network file systems: readers block calls' "
    "records",
    "put the database on a local disk",
)
DATABASE_NEWER = Ailment(
    "database-newer",
    Severity.PROBLEM,
    "a later release has been at the database: this one does not start with it",
    "run the release that made it, or let that one do `sipagent database downgrade`",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    on_disk = await aside(lambda: list(_folders(settings)))
    # a database on a full disk fails for that reason alone
    if any(finding.severity is Severity.PROBLEM for finding in on_disk):
        return on_disk
    return [*on_disk, *await _database(settings.store.database)]


def _folders(settings: Settings) -> Iterator[Finding]:
    wanted = {"store.bundles": settings.store.bundles, "state": settings.state_folder}
    if (cache := settings.speech_cache.folder) is not None:
        wanted["speech_cache.folder"] = cache
    if (file := sqlite_file(settings.store.database)) is not None:
        wanted["store.database"] = file.parent
    seen: set[Path] = set()
    for key, folder in wanted.items():
        there = _existing(folder)
        if there not in seen:
            seen.add(there)
            yield _judged(key, folder, there)


def _judged(key: str, folder: Path, there: Path) -> Finding:
    try:
        state = os.statvfs(there)
        free = state.f_bavail * state.f_frsize
        if state.f_files and not state.f_favail:
            return DISK_FULL.found(f"{folder}: no inodes are left", key=key)
        if free < _SAMPLE:
            return DISK_FULL.found(f"{folder}: {_size(free)} free", key=key)
        with tempfile.TemporaryFile(dir=there) as sample:
            sample.write(bytes(_SAMPLE))
            sample.flush()
            os.fsync(sample.fileno())
    except OSError as error:
        full = error.errno in (28, 122)  # ENOSPC, EDQUOT
        ailment = DISK_FULL if full else NOT_WRITABLE
        return ailment.found(f"{folder}: {error.strerror or error}", key=key)
    if free < _TOO_LITTLE:
        return DISK_FULL.found(
            f"{folder}: {_size(free)} free", key=key, cause="it is full within minutes of recording"
        )
    if free < _LITTLE:
        return DISK_LOW.found(f"{folder}: {_size(free)} free", key=key)
    return fine(f"{folder}: {_size(free)} free", key)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GB" if count >= 1 << 30 else f"{count / (1 << 20):.1f} MB"


async def _database(url: str) -> list[Finding]:
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return [fine(f"{file.name} will be made at start", "store.database")]
    try:
        engine = engine_for(url)
    except ConfigError as error:
        return [DATABASE_DOWN.found(error.findings[0].message, key="store.database")]
    try:
        await aside(lambda: probe(engine.url))
        async with engine.connect() as connection:
            schema = await connection.run_sync(revision_of)
            kind = engine.url.get_backend_name()
            mode = ""
            if kind == "sqlite":
                mode = str((await connection.execute(text("PRAGMA journal_mode"))).scalar())
                await connection.execute(text("PRAGMA schema_version"))
    except ERRORS as error:
        return [DATABASE_DOWN.found(f"{_kind_of(url)}: {cause_of(error)}", key="store.database")]
    finally:
        await engine.dispose()
    if mode and mode != "wal":
        what = f"{kind} keeps its journal as {mode!r}"
        return [NO_WAL.found(what, key="store.database")]
    if schema not in (BASE, *REVISIONS):
        what = f"schema {schema}, and this release knows schemas up to {HEAD}"
        return [DATABASE_NEWER.found(what, key="store.database")]
    now = (
        "" if schema == HEAD else f"; its schema, {schema}, is brought to {HEAD} at the next start"
    )
    return [fine(f"database opens ({kind}{', WAL' if mode else ''}){now}", "store.database")]


def _kind_of(url: str) -> str:
    """`sqlite` of `sqlite+aiosqlite:///...`: the rest may hold a password."""
    return url.partition(":")[0].partition("+")[0]


CHECK = Check(
    "disk",
    "disk and database",
    _run,
    (DISK_FULL, DISK_LOW, NOT_WRITABLE, DATABASE_DOWN, NO_WAL, DATABASE_NEWER),
)
