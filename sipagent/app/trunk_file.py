"""Trunk file: how the trunks of a running server are doing, for other processes to read."""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sipagent.edge.trunks.status import TrunkStatus

log = structlog.get_logger(__name__)
_NAME = "trunks.json"
#: seconds between looks; nothing is written while nothing changes
_EVERY = 0.5

Statuses = Callable[[], Sequence[TrunkStatus]]


class TrunkReport(BaseModel):
    """What the file holds. `pid` is the server that wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    pid: int
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    trunks: tuple[TrunkStatus, ...]

    @property
    def current(self) -> bool:
        """True while the server that wrote it runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def read_report(folder: Path) -> TrunkReport | None:
    """The last report written there; None when there is none that can be read."""
    try:
        return TrunkReport.model_validate_json((folder / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None


class TrunkFile:
    """Writes the report whenever it changes, whole or not at all; it is gone when we are."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._task: asyncio.Task[None] | None = None

    def start(self, statuses: Statuses) -> None:
        """Begin, where there are trunks."""
        if statuses():
            self._task = asyncio.create_task(self._keep(statuses))

    async def close(self) -> None:
        """Stop, and take the file away. Idempotent."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        self._path.unlink(missing_ok=True)

    async def _keep(self, statuses: Statuses) -> None:
        written: Sequence[TrunkStatus] = ()
        while True:
            if (now := statuses()) != written:
                report = TrunkReport(pid=os.getpid(), trunks=tuple(now))
                try:
                    await asyncio.to_thread(_write, self._path, report)
                except OSError as error:
                    log.warning("trunk_file_failed", path=str(self._path), cause=str(error))
                written = now
            await asyncio.sleep(_EVERY)


def _write(path: Path, report: TrunkReport) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(report.model_dump_json(indent=2))
    part.replace(path)
