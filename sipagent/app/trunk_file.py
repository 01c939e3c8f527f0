"""Trunk file: how the trunks of a running server are doing, for other processes to read."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sipagent.edge.trunks.status import TrunkStatus

from .report_file import Report, ReportFile, read

_NAME = "trunks.json"

Statuses = Callable[[], Sequence[TrunkStatus]]


class TrunkReport(Report):
    """What the file holds."""

    trunks: tuple[TrunkStatus, ...]


def read_report(folder: Path) -> TrunkReport | None:
    """The last report written there; None when there is none that can be read."""
    return read(folder / _NAME, TrunkReport)


class TrunkFile:
    """See `ReportFile`."""

    def __init__(self, folder: Path) -> None:
        self._file = ReportFile(folder / _NAME)

    def start(self, statuses: Statuses) -> None:
        """Begin, where there are trunks."""
        if statuses():
            self._file.start(lambda: TrunkReport(trunks=tuple(statuses())))

    async def close(self) -> None:
        """Stop, and take the file away. Idempotent."""
        await self._file.close()
