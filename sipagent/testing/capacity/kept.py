"""Kept: what calls leave behind on disk, counted after they ended."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.2
#: the server writes its bundles after the calls, at most for so long
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """Of so many calls, so many minutes of talk in all: bytes of their bundles without sound, of
    sound, of what the database grew by, and events on record.
    """

    calls: int
    minutes: float
    bundle_bytes: int
    recording_bytes: int
    database_bytes: int
    events: int


async def kept(folder: Path, calls: int, empty: int) -> Kept:
    """What `calls` calls left in a server's folder, once all of it is written; its database had
    so many bytes while it was `empty`.
    """
    for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
        if len(_bundles(folder)) >= calls:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return await asyncio.to_thread(_weighed, folder, empty)


def _bundles(folder: Path) -> list[Path]:
    return [file.parent for file in folder.glob("calls/*/call.json")]


def _weighed(folder: Path, empty: int) -> Kept:
    bundles = _bundles(folder)
    events = [json.loads((one / "call.json").read_text())["events"] for one in bundles]
    recordings = [file for one in bundles for file in one.glob("*.wav")]
    recorded = disk(recordings)
    return Kept(
        calls=len(bundles),
        minutes=round(sum(_ms(told) for told in events) / 60_000, 2),
        bundle_bytes=disk(file for one in bundles for file in below(one)) - recorded,
        recording_bytes=recorded,
        database_bytes=max(0, database(folder) - empty),
        events=sum(map(len, events)),
    )


def database(folder: Path) -> int:
    """Bytes of the server's SQLite database, as large as it is to its readers: what of that is
    still in the journal does not count twice.
    """
    total = 0
    for file in folder.glob("*.sqlite3"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as opened:
            pages, size = (
                opened.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("page_count", "page_size")
            )
        total += pages * size
    return total


def disk(files: Iterable[Path]) -> int:
    """Bytes of files, as they are long; those that go meanwhile are not counted."""
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.stat().st_size
    return total


def below(folder: Path) -> Iterator[Path]:
    """The files in a folder and its folders, any of which may go meanwhile."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _ms(events: list[dict[str, object]]) -> float:
    """Media time of the last event."""
    times = [event["t"] for event in events]
    return max((float(t) for t in times if isinstance(t, int | float)), default=0.0)
