"""Journal: what a server that is killed must know again when it is back; a file of JSON lines.

Small facts by kind and key, each perhaps somebody's (`owner`), the last word on each counting. A
line is with the kernel before `put` returns: it outlives the process, not the machine's power.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import structlog

_log = structlog.get_logger(__name__)
#: lines beyond what is held before the file is written anew
_SLACK = 2_000

Value = dict[str, Any]


class Fact(NamedTuple):
    """One thing known. `line` is how it stands in the file."""

    owner: str
    value: Value
    line: bytes


class Journal:
    """Facts in memory and, with a `path`, on disk. Nothing here raises for a disk that is full."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._facts: dict[tuple[str, str], Fact] = {}
        self._of: dict[str, set[tuple[str, str]]] = {}
        self._file: int | None = None
        self._lines = 0
        self._failing = False

    def open(self) -> None:
        """Read what was kept, and begin to keep. Raises OSError."""
        self.read()
        if self._path is not None:
            self._compact(self._path)

    def read(self) -> None:
        """Know what is kept, without keeping anything. Raises OSError."""
        if self._path is not None and self._path.exists():
            for line in self._path.read_bytes().splitlines():
                self._read(line)

    def close(self) -> None:
        """Stop keeping. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def compact(self) -> None:
        """Keep what is known now, and no line of what is over. Raises OSError."""
        if self._path is not None and self._file is not None:
            self._compact(self._path)

    def put(self, kind: str, key: str, value: Value, owner: str = "") -> None:
        """Know this from now on, in place of what was known under that key."""
        line = _line({"k": kind, "i": key, "o": owner, "v": value})
        known = self._facts.get((kind, key))
        if known is not None and known.line == line:
            return
        self._set((kind, key), Fact(owner, value, line))
        self._write(line)

    def drop(self, kind: str, key: str) -> None:
        """It is over."""
        if self._unset((kind, key)):
            self._write(_line({"k": kind, "i": key}))

    def forget(self, owner: str) -> None:
        """Everything of this owner is over."""
        mine = self._of.get(owner)
        if mine:
            for place in tuple(mine):
                self._unset(place)
            self._write(_line({"gone": owner}))

    def all(self, kind: str) -> dict[str, Fact]:
        """What is known of a kind, by key, the oldest first."""
        return {key: fact for (k, key), fact in self._facts.items() if k == kind}

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Kind and key of everything known."""
        return tuple(self._facts)

    def _set(self, place: tuple[str, str], fact: Fact) -> None:
        self._unset(place)
        self._facts[place] = fact
        if fact.owner:
            self._of.setdefault(fact.owner, set()).add(place)

    def _unset(self, place: tuple[str, str]) -> bool:
        known = self._facts.pop(place, None)
        if known is None:
            return False
        if known.owner:
            mine = self._of[known.owner]
            mine.discard(place)
            if not mine:
                del self._of[known.owner]
        return True

    def _read(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            if "gone" in said:
                for place in tuple(self._of.get(said["gone"], ())):
                    self._unset(place)
            elif "v" in said:
                fact = Fact(said["o"], said["v"], line + b"\n")
                self._set((said["k"], said["i"]), fact)
            else:
                self._unset((said["k"], said["i"]))
        except (ValueError, KeyError, TypeError):
            # the last line of a process that was killed while it wrote
            _log.warning("journal_line_skipped", path=str(self._path))

    def _write(self, line: bytes) -> None:
        if self._file is None or self._path is None:
            return
        try:
            os.write(self._file, line)
            self._lines += 1
            if self._lines > 2 * len(self._facts) + _SLACK:
                self._compact(self._path)
        except OSError as error:
            if not self._failing:
                _log.error("journal_failed", path=str(self._path), cause=str(error))
            self._failing = True

    def _compact(self, path: Path) -> None:
        """Write what holds, and nothing else: the whole file or, killed meanwhile, the old one."""
        self.close()
        draft = path.with_suffix(".part")
        draft.write_bytes(b"".join(fact.line for fact in self._facts.values()))
        draft.replace(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lines = len(self._facts)


def _line(said: Value) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"
