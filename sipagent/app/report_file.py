"""Report file: how something of a running server does, for other processes to read."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sipagent.tasks import lasting, stopped

log = structlog.get_logger(__name__)
#: seconds between looks; nothing is written while nothing changes
_EVERY = 0.5


class Report(BaseModel):
    """What such a file holds. `pid` is the server that wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    pid: int = Field(default_factory=os.getpid)
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))

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


R = TypeVar("R", bound=Report)


def read(path: Path, kind: type[R]) -> R | None:
    """The last report written there; None when there is none that can be read."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


class ReportFile:
    """Writes the report whenever it changes, whole or not at all; it is gone when we are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._task: asyncio.Task[None] | None = None

    def start(self, made: Callable[[], Report | None]) -> None:
        """Begin; None is nothing to tell."""
        self._task = lasting(self._keep(made), f"report {self._path.name}")

    async def close(self) -> None:
        """Stop, and take the file away. Idempotent."""
        if self._task is None:
            return
        await stopped(self._task)
        self._task = None
        self._path.unlink(missing_ok=True)

    async def _keep(self, made: Callable[[], Report | None]) -> None:
        written: Report | None = None
        while True:
            report = made()
            if report is not None and not _same(report, written):
                try:
                    await asyncio.to_thread(_write, self._path, report)
                except OSError as error:
                    log.warning("report_not_written", path=str(self._path), cause=str(error))
                written = report
            await asyncio.sleep(_EVERY)


def _same(report: Report, written: Report | None) -> bool:
    return written is not None and report == written.model_copy(update={"at": report.at})


def _write(path: Path, report: Report) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(report.model_dump_json(indent=2))
    part.replace(path)
