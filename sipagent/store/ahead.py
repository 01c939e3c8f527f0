"""Ahead: events on disk before the database has them, so that a killed server loses none.

A line is with the kernel before `write` returns; a segment goes when the database has all of it.
"""

import json
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from sipagent.events import ANY_EVENT, Event

from .segments import Growing, segment, segments

_log = structlog.get_logger(__name__)
_SUFFIX = "ahead"
#: events of a segment that grows while the database takes nothing
_MANY = 10_000
#: a NUL in JSON, if what stands before it is not half of an escaped backslash
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_SURROGATE = re.compile(r"(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it is written. `position` is its place among all events, and no other's: by it,
    the same event is known wherever it is met again, and two that are alike are two.
    """

    position: int
    event: Event
    #: the event as JSON that any database takes
    text: str
    #: written by a release before positions: only what it says tells whether the database has it
    older: bool = False


class Positions:
    """Places in the order of events: nanoseconds since 1970, and never the same twice. So those of
    a server that was started again lie behind its predecessor's.
    """

    def __init__(self) -> None:
        self.last = 0

    def kept(self, happened: Event) -> Kept:
        """Give an event the next one."""
        self.last = max(self.last + 1, time.time_ns())
        return Kept(self.last, happened, text_of(happened))


def text_of(said: BaseModel) -> str:
    """As JSON. What PostgreSQL has no text for (NUL, half a pair of surrogates, both of which a
    model can write) is replaced.
    """
    try:
        text = said.model_dump_json()
    except ValueError:
        escaped = json.dumps(said.model_dump(mode="json"), separators=(",", ":"))
        text = _SURROGATE.sub(r"\1\\ufffd", escaped)
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


class Segment(NamedTuple):
    """A file that is complete. `last` is the position of its last event."""

    path: Path
    last: int


class Ahead:
    """Segments `PREFIX.N.ahead`, the highest being written. Those of which the database has not
    got everything stay, in `left`.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self._number = 0
        self._file: Growing | None = None
        self._count = self._last = 0
        #: complete, and waiting for the database to have their last
        self._turned: deque[Segment] = deque()
        #: to be read back in, the oldest first
        self.left: list[Path] = []
        #: up to this position, not everything reached the database
        self._missed = 0
        self._failing = False

    def open(self) -> None:
        """See what there is of a server that is no more, and begin a segment behind it."""
        known = segments(self.prefix, _SUFFIX)
        # what a release before this one wrote where the database took nothing
        spool = [self.prefix] if self.prefix.exists() else []
        self.left = [*spool, *(path for _, path in known)]
        self._number = max((number for number, _ in known), default=0)
        self._begin()

    def write(self, kept: Kept) -> bool:
        """Keep an event until the database has it. False where the disk does not take it."""
        if self._file is None:
            return False
        try:
            self._file.write(f'{{"n":{kept.position},"event":{kept.text}}}\n'.encode())
        except OSError as error:
            self._fail(error)
            return False
        self._count, self._last = self._count + 1, kept.position
        return True

    def turn(self, *, failing: bool) -> None:
        """A batch is about to be written: begin the next segment, so that this one may go. While
        the database fails, it grows on.
        """
        if self._file is None and self._number:
            self._begin()
        if self._file is None or not self._count or (failing and self._count < _MANY):
            return
        self._turned.append(Segment(self._file.path, self._last))
        self._begin()

    def missed(self, position: int) -> None:
        """The database has not got this one, and what is before it may be missing too."""
        self._missed = max(self._missed, position)

    def written(self, position: int) -> None:
        """The database has had everything up to here, or it was told as missed."""
        while self._turned and self._turned[0].last <= position:
            done = self._turned.popleft()
            if self._missed:
                self.left.append(done.path)
            else:
                done.path.unlink(missing_ok=True)
            if done.last >= self._missed:
                self._missed = 0

    @property
    def behind(self) -> bool:
        """The database has missed something."""
        return bool(self.left or self._missed)

    def done(self, path: Path) -> None:
        """The database has got all of one that was left."""
        self.left.remove(path)
        path.unlink(missing_ok=True)

    def close(self) -> None:
        """All is in the database that was not missed; what was not need not be kept. Idempotent."""
        if self._file is not None:
            self._turned.append(Segment(self._file.path, self._last))
            self._file.close()
            self._file = None
            self.written(self._last)

    def _begin(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._number += 1
        self._count = 0
        try:
            self._file = Growing(segment(self.prefix, self._number, _SUFFIX))
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            _log.error("events_not_kept_ahead", cause=str(error))
        self._failing = True


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    n: int
    event: Event


def read_kept(path: Path) -> Iterator[Kept]:
    """Events of a segment; a line that was cut by a kill is skipped. Raises OSError."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            try:
                read = _Line.model_validate_json(line)
                yield Kept(read.n, read.event, text_of(read.event))
            except ValidationError:
                yield from _older(path, line, number)


def _older(path: Path, line: bytes, number: int) -> Iterator[Kept]:
    """A line as releases wrote it before events had positions: by its time, and its place."""
    if not line.strip():
        return
    try:
        event = ANY_EVENT.validate_json(line)
    except ValueError:
        _log.warning("event_line_skipped", path=str(path))
        return
    at = int(event.at.timestamp() * 1_000_000) * 1000
    yield Kept(at + number % 1000, event, text_of(event), older=True)


def read_events(path: Path) -> Iterator[Event]:
    """Events of a file of JSON lines; a line that was cut by a kill is skipped, and one that was
    blanked.
    """
    for line in path.read_bytes().splitlines():
        if not line.strip():
            continue
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
