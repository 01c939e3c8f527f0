"""Calls that are over, of a server that uploads."""

import os
from collections.abc import Sequence
from pathlib import Path

from sipagent.app.uploads import Uploads
from sipagent.call.cdr import fold
from sipagent.config import Encryption, Settings, Store, Upload
from sipagent.events import Event
from sipagent.store.bundle import write_bundle
from sipagent.store.vault import Stored
from sipagent.testing.mortal import until

from ..store.conftest import reception_call

SOUND = os.urandom(300_000)
KEY = "a2V5IGtleSBrZXkga2V5IGtleSBrZXkga2V5IGtleSE="


def settings(folder: Path, upload: Upload | None, *, seals: bool = False) -> Settings:
    encryption = Encryption.model_validate({"keys": {"k": KEY}, "current": "k"})
    database = f"sqlite+aiosqlite:///{folder}/calls.sqlite3"
    bundles = folder / "calls"
    sealed = encryption if seals else None
    return Settings(
        store=Store(database=database, bundles=bundles, encryption=sealed, upload=upload)
    )


def call(known: Settings, uploads: Uploads, number: int = 1) -> Path:
    """A call that is over, with a recording."""
    events: Sequence[Event] = [
        event.model_copy(update={"call_id": f"20260302-09000{number}-1a2b3c4d"})
        for event in reception_call()
    ]
    folder = known.store.bundles / events[0].call_id
    folder.mkdir(parents=True)
    with uploads.files.create(folder / "recording.wav") as file:
        file.write(SOUND)
    write_bundle(folder, events, files=uploads.files)
    uploads.recorded(fold(events), folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def part(stored: Stored) -> bytes:
    with stored.open() as file:
        file.seek(200_000)
        return file.read(1000)


async def sent(uploads: Uploads, count: int = 1) -> None:
    await until(lambda: uploads.health.sent >= count and uploads.waiting == 0)
