"""Spool: what a receiver is still to be told, on disk before anybody tries to.

Segments `NAME.N.spool` hold an event a line (id, call, time and body, with tabs between),
`NAME.N.done` the ids of those that are done. A segment goes with its last event, or as the oldest
of too much.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from sipagent.store.segments import Growing, segment, segments

_log = structlog.get_logger(__name__)
_SPOOL, _DONE = "spool", "done"
#: a full spool loses so much of itself at a time
_PARTS = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One event that waits: `at` is since when, Unix seconds; its body is on disk."""

    id: str
    call_id: str
    at: float
    part: int
    start: int
    length: int


@dataclass(slots=True)
class _Part:
    """One segment. `pending` keeps the order in which events came."""

    path: Path
    done: Path
    size: int = 0
    pending: dict[str, Entry] = field(default_factory=dict)


class Spool:
    """Of one receiver. Nothing here raises for a disk that is full: what found no room is counted
    as dropped.
    """

    def __init__(self, prefix: Path, most_bytes: int) -> None:
        self._prefix = prefix
        self.most_bytes = most_bytes
        self._parts: dict[int, _Part] = {}
        self._where: dict[str, int] = {}
        #: the segment that grows, and its number
        self._writing: Growing | None = None
        self._number = 0
        self._acks: dict[int, Growing] = {}
        self._failing = False
        #: events that will never be told
        self.dropped = 0

    def open(self) -> list[Entry]:
        """What a server before us left waiting, the oldest first. Raises OSError."""
        self._prefix.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = dict(segments(self._prefix, _SPOOL))
        for number, path in segments(self._prefix, _DONE):
            if number not in known:
                path.unlink(missing_ok=True)
        for number, path in known.items():
            self._take_up(number, path)
        return [entry for part in self._parts.values() for entry in part.pending.values()]

    def put(self, event_id: str, call_id: str, at: float, body: bytes) -> Entry | None:
        """Keep an event; None where it waits already, or finds no room."""
        if event_id in self._where:
            return None
        head = f"{event_id}\t{call_id}\t{at:.3f}\t".encode()
        line = head + body + b"\n"
        try:
            number = self._room(len(line))
            assert self._writing is not None
            self._writing.write(line)
        except OSError as error:
            self._fail(error)
            return None
        self._failing = False
        part = self._parts[number]
        entry = Entry(event_id, call_id, at, number, part.size + len(head), len(body))
        part.size += len(line)
        part.pending[event_id] = entry
        self._where[event_id] = number
        return entry

    def holds(self, entry: Entry) -> bool:
        """Does it still wait?"""
        return entry.id in self._where

    def body(self, entry: Entry) -> bytes:
        """What is to be sent. Raises OSError."""
        with self._parts[entry.part].path.open("rb") as file:
            file.seek(entry.start)
            return file.read(entry.length)

    def done(self, entry: Entry) -> None:
        """It need not be told any more, whoever serves next."""
        number = self._where.pop(entry.id, None)
        if number is None:
            return
        part = self._parts[number]
        del part.pending[entry.id]
        if not part.pending and not self._grows(number):
            self._remove(number)
            return
        try:
            if number not in self._acks:
                self._acks[number] = Growing(part.done)
            self._acks[number].write(f"{entry.id}\n".encode())
        except OSError as error:
            # it may be told again after a restart: by the same id
            _log.warning("webhook_spool_failed", webhook=self._prefix.name, cause=str(error))

    def files(self) -> list[Path]:
        """The segments, those that grow among them."""
        return [part.path for part in self._parts.values()]

    def drop_blank(self) -> int:
        """Away with events whose line was blanked on disk; how many still waited."""
        entries = [entry for part in self._parts.values() for entry in part.pending.values()]
        gone = [entry for entry in entries if not self.body(entry).strip()]
        for entry in gone:
            self.done(entry)
        return len(gone)

    def clear(self) -> int:
        """Drop all of it; how many events that were."""
        count = len(self._where)
        for number in tuple(self._parts):
            self._remove(number)
        return count

    def close(self) -> None:
        """Let go of the files. Idempotent."""
        self._finish()
        for file in self._acks.values():
            file.close()
        self._acks.clear()

    @property
    def waiting(self) -> int:
        """Events that wait."""
        return len(self._where)

    @property
    def oldest(self) -> Entry | None:
        """The one that waits longest."""
        for part in self._parts.values():
            for entry in part.pending.values():
                return entry
        return None

    @property
    def bytes(self) -> int:
        """On disk, roughly."""
        return sum(part.size for part in self._parts.values())

    def _take_up(self, number: int, path: Path) -> None:
        part = _Part(path, segment(self._prefix, number, _DONE), path.stat().st_size)
        done = set(part.done.read_bytes().split()) if part.done.exists() else set()
        for entry in _entries(path, number):
            if entry.id.encode() not in done and entry.id not in self._where:
                part.pending[entry.id] = entry
                self._where[entry.id] = number
        self._parts[number] = part
        if not part.pending:
            self._remove(number)

    def _room(self, length: int) -> int:
        """The segment that takes a line of that length. Raises OSError."""
        share = self.most_bytes // _PARTS
        if self._writing is None or self._parts[self._number].size + length > max(share, length):
            self._finish()
            number = max(self._number, *self._parts, 0) + 1
            path = segment(self._prefix, number, _SPOOL)
            self._writing, self._number = Growing(path), number
            self._parts[number] = _Part(path, segment(self._prefix, number, _DONE))
        while len(self._parts) > 1 and self.bytes + length > self.most_bytes:
            oldest = min(self._parts)
            self.dropped += len(self._parts[oldest].pending)
            self._remove(oldest)
        return self._number

    def _grows(self, number: int) -> bool:
        return self._writing is not None and self._number == number

    def _finish(self) -> None:
        """The segment that grew does no more."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None
            if not self._parts[self._number].pending:
                self._remove(self._number)

    def _remove(self, number: int) -> None:
        if self._grows(number) and self._writing is not None:
            self._writing.close()
            self._writing = None
        part = self._parts.pop(number)
        for event_id in part.pending:
            del self._where[event_id]
        if (acks := self._acks.pop(number, None)) is not None:
            acks.close()
        part.path.unlink(missing_ok=True)
        part.done.unlink(missing_ok=True)

    def _fail(self, error: OSError) -> None:
        self.dropped += 1
        self._finish()  # half a line may stand there: the next begins a file of its own
        if not self._failing:
            _log.error("webhook_spool_failed", webhook=self._prefix.name, cause=str(error))
        self._failing = True


def _entries(path: Path, number: int) -> Iterator[Entry]:
    """Whole lines of a segment; what a full disk cut is left out."""
    start = 0
    for line in path.read_bytes().splitlines(keepends=True):
        fields = line.split(b"\t", 3)
        if len(fields) == 4 and fields[3].startswith(b"{") and fields[3].endswith(b"}\n"):
            head = sum(len(each) + 1 for each in fields[:3])
            event_id, call_id = fields[0].decode(), fields[1].decode()
            length = len(line) - head - 1
            yield Entry(event_id, call_id, float(fields[2]), number, start + head, length)
        start += len(line)
