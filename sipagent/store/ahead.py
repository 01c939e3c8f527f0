"""Ahead: events on disk before the database has them, so that a killed server loses none.

A line is with the kernel before `write` returns; a segment goes when the database has all of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from sipagent.events import ANY_EVENT, Event

from .segments import Growing, segment, segments

_log = structlog.get_logger(__name__)
_SUFFIX = "ahead"


class Ahead:
    """Segments `PREFIX.N.ahead`, the highest being written."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._number = 0
        self._file: Growing | None = None
        self._failing = False

    def open(self) -> None:
        """Begin a segment behind those there are."""
        self._number = max((number for number, _ in segments(self._prefix, _SUFFIX)), default=0)
        self._begin()

    def left(self) -> list[Path]:
        """Segments of a server that is no more, the oldest first."""
        return [path for _, path in segments(self._prefix, _SUFFIX)]

    def write(self, happened: Event) -> None:
        """Keep an event until its segment is done."""
        if self._file is None:
            return
        try:
            self._file.write(happened.model_dump_json().encode() + b"\n")
        except OSError as error:
            self._fail(error)

    def turn(self) -> Path | None:
        """Begin the next segment; the one before, which may go once the database has it."""
        if self._file is None:
            return None
        done = self._file.path
        self._begin()
        return done

    def close(self) -> None:
        """Everything is in the database: nothing need be kept. Idempotent."""
        if self._file is not None:
            self._file.close()
            self._file.path.unlink(missing_ok=True)
            self._file = None

    def _begin(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._number += 1
        try:
            self._file = Growing(segment(self._prefix, self._number, _SUFFIX))
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            _log.error("events_not_kept_ahead", cause=str(error))
        self._failing = True


def read_events(path: Path) -> Iterator[Event]:
    """Events of a file of JSON lines; a line that was cut by a kill is skipped."""
    for line in path.read_bytes().splitlines():
        try:
            yield ANY_EVENT.validate_json(line)
        except ValueError:
            _log.warning("event_line_skipped", path=str(path))


def write_events(path: Path, events: Sequence[Event]) -> None:
    """A file of JSON lines, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_bytes(b"".join(e.model_dump_json().encode() + b"\n" for e in events))
    draft.replace(path)
