"""Ban file: the bans of a server, kept over a restart, for other processes to read and change."""

import asyncio
import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from sipagent.edge.door.bans import Ban, Bans
from sipagent.tasks import lasting, stopped

log = structlog.get_logger(__name__)
_NAME = "bans.json"
#: seconds between looks at the file and at the bans
_EVERY = 0.5
#: the same while there are so many that a look costs something
_MANY, _SELDOM = 1_000, 5.0
_BANS: TypeAdapter[list[Ban]] = TypeAdapter(list[Ban])


def read_bans(folder: Path) -> list[Ban]:
    """The bans in the file; none when there is none that can be read."""
    try:
        return _BANS.validate_json((folder / _NAME).read_bytes())
    except (OSError, ValidationError):
        return []


@contextmanager
def changing(folder: Path) -> Iterator[list[Ban]]:
    """The bans, to be changed in place; written when left, with nobody else at it meanwhile.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        bans = read_bans(folder)
        before = list(bans)
        yield bans
        if bans != before:
            path = folder / _NAME
            part = path.with_suffix(".part")
            part.write_bytes(_BANS.dump_json(bans, indent=2))
            part.replace(path)


class BanFile:
    """Keeps file and bans the same. What another process takes out of the file or puts in holds
    here half a second later; `changed` is called then.
    """

    def __init__(self, folder: Path, bans: Bans, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._bans = bans
        self._changed = changed
        self._known: dict[str, Ban] = {}
        self._seen: tuple[int, float] = (-1, -1.0)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what the file says."""
        await self._look()
        self._task = lasting(self._keep(), "ban file")

    async def close(self) -> None:
        """Write what is left. Idempotent."""
        if self._task is None:
            return
        await stopped(self._task)
        self._task = None
        await self._look()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_EVERY if len(self._bans) < _MANY else _SELDOM)
            await self._look()

    async def _look(self) -> None:
        state = (self._bans.version, self._written())
        if state == self._seen:
            return
        ours = list(self._bans)
        try:
            merged = await asyncio.to_thread(_merge, self._folder, ours, self._known)
        except OSError as error:
            log.warning("ban_file_failed", folder=str(self._folder), cause=str(error))
            self._seen = state
            return
        # what was banned while we were at it is not in the file yet
        news = [ban for ban in self._bans if ban not in ours]
        self._known = {ban.source: ban for ban in merged}
        for ban in merged:
            if ban not in ours:
                log.info("ban_taken_up", source=ban.source, why=ban.why)
        if list(self._bans) != merged:
            self._bans.replace([*merged, *news])
            self._changed()
        self._seen = (self._bans.version if not news else -1, self._written())

    def _written(self) -> float:
        try:
            return (self._folder / _NAME).stat().st_mtime_ns
        except OSError:
            return 0.0


def _merge(folder: Path, ours: Sequence[Ban], known: dict[str, Ban]) -> list[Ban]:
    """Changes of ours since `known` go into the file; all others are as the file says."""
    mine = {ban.source: ban for ban in ours}
    with changing(folder) as bans:
        theirs = {ban.source: ban for ban in bans}
        for source in {**known, **mine}:
            if mine.get(source) == known.get(source):
                continue
            if source in mine:
                theirs[source] = mine[source]
            else:
                theirs.pop(source, None)
        bans[:] = theirs.values()
        return list(bans)
