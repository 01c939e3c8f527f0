"""Chain file: the audit chain of one node on disk, in segments, with its head kept apart.

`chain.N.audit` are the segments, `checkpoints.jsonl` tells where what was pruned ends; the head,
the newest entry's number and hash, stands in another folder. Several processes may add to it: a
lock makes them take turns. A batch is on disk, not only with the kernel, when `add` returns.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .chain import Key, Place, Problem, Verdict, Verifier, linked, parse, seal_of
from .segments import Growing, segment, segments

#: kinds of entries about a call: it is over and its bundle whole, something of it went by rule, all
#: of it went
CALL, KEPT, GONE = "call", "kept", "gone"
#: the file of a call that is written anew when something of it goes
_REWRITTEN = "call.json"
_SUFFIX, _CHECKPOINTS, _LOCK = "audit", "checkpoints.jsonl", "lock"
#: bytes of a segment before the next begins
_SEGMENT = 4_000_000
#: read from the end of a segment to find its last entry; longer entries are not made
_TAIL = 1 << 20


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be put on the chain. `data` is JSON, and nothing personal."""

    kind: str
    data: Mapping[str, Any]
    at: datetime


class Checkpoint(BaseModel):
    """Where the chain ended at a moment. `seal` is the key's, empty without one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    n: int
    hash: str
    at: datetime
    key: str = ""
    seal: str = ""

    @property
    def place(self) -> Place:
        """As a place."""
        return Place(self.n, self.hash)

    def is_ours(self, keys: Sequence[Key]) -> bool:
        """Made by who has one of these keys; without a seal nobody can say."""
        return any(seal_of(self.place, key) == self.seal for key in keys if key.name == self.key)


def read_checkpoint(path: Path) -> Checkpoint:
    """One that was kept. Raises OSError, and ValueError where it is none."""
    return Checkpoint.model_validate_json(path.read_bytes())


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Keep one. Raises OSError."""
    path.write_text(checkpoint.model_dump_json() + "\n", encoding="utf-8")


class ChainFile:
    """`folder` holds the segments, `head` is the file of the head. Raises OSError throughout."""

    def __init__(
        self, folder: Path, head: Path, key: Key | None = None, *, segment_bytes: int = _SEGMENT
    ) -> None:
        self._folder = folder
        self._prefix = folder / "chain"
        self._head = head
        self._key = key
        self._segment_bytes = segment_bytes

    def add(self, notes: Sequence[Note]) -> Place:
        """Put these at the end; where it ends then."""
        with self._turn():
            last = self._end()
            lines = []
            for note in notes:
                at = note.at.astimezone(UTC).isoformat(timespec="milliseconds")
                line, last = linked(last, note.kind, at, note.data, self._key)
                lines.append(line)
            if lines:
                self._write(b"".join(lines))
                self._keep_head(last)
            return last

    def checkpoint(self) -> Checkpoint:
        """Where it ends now, to be kept elsewhere."""
        with self._turn():
            return self._stamped(self._end())

    def prune(self, before: datetime) -> int:
        """Remove segments whose newest entry is older, but for the last; how many entries. What is
        left begins at a checkpoint.
        """
        gone = 0
        with self._turn():
            for _, path in segments(self._prefix, _SUFFIX)[:-1]:
                last = _last_entry(path)
                if last is None or datetime.fromisoformat(last["at"]) >= before:
                    break
                gone += sum(parse(line) is not None for line in path.read_bytes().splitlines())
                stamp = self._stamped(Place(last["n"], last["hash"]))
                _append(self._folder / _CHECKPOINTS, stamp.model_dump_json().encode() + b"\n")
                path.unlink()
        return gone

    def verify(
        self, keys: Sequence[Key] = (), kept: Sequence[Checkpoint] = ()
    ) -> tuple[Verdict, Mapping[str, Any]]:
        """Look at all of it; besides, by call id, what was last said of each call that has not
        gone. `kept` are checkpoints that were kept elsewhere.
        """
        with self._turn():
            pruned = self._pruned()
            head = self._known_head()
            verifier = Verifier(keys, pruned.place if pruned is not None else Place())
            wanted = {one.n: one.hash for one in kept}
            if head is not None:
                wanted.setdefault(head.n, head.hash)
            calls: dict[str, Any] = {}
            for line in self._lines():
                verifier.feed(line, wanted)
                entry = parse(line)
                if entry is not None:
                    _note_call(calls, entry["kind"], entry["data"])
            ends = [*(one.place for one in kept), *filter(None, [head])]
            verdict = verifier.verdict(max(ends, key=lambda place: place.n, default=None))
            return _with(verdict, *self._doubts(verdict, pruned, keys)), calls

    def _doubts(
        self, verdict: Verdict, pruned: Checkpoint | None, keys: Sequence[Key]
    ) -> tuple[Problem | None, str]:
        """What is wrong, or not to be known, of what stands beside the entries."""
        forged = keys and pruned is not None and not pruned.is_ours(keys)
        if forged and pruned is not None and (pruned.key or self._begins_keyed()):
            what = f"the checkpoint at entry {pruned.n}, where it begins, is not signed by a key"
            return Problem(pruned.n, what), ""
        if verdict.entries and not self.has_head:
            return None, f"{self._head} is gone: whether the end was cut off cannot be said"
        return None, ""

    def _begins_keyed(self) -> bool:
        return any(entry["key"] for entry in islice(self.entries(), 1))

    def entries(self) -> Iterator[dict[str, Any]]:
        """Each that can be read, the oldest first."""
        for line in self._lines():
            if (entry := parse(line)) is not None:
                yield entry

    @property
    def has_head(self) -> bool:
        """Is the head there?"""
        return self._known_head() is not None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _lines(self) -> Iterator[bytes]:
        for _, path in segments(self._prefix, _SUFFIX):
            with path.open("rb") as file:
                yield from file

    def _end(self) -> Place:
        for _, path in reversed(segments(self._prefix, _SUFFIX)):
            if (last := _last_entry(path)) is not None:
                return Place(last["n"], last["hash"])
        # all of it was taken away: what follows shows that it was
        pruned, head = self._pruned(), self._known_head()
        known = [pruned.place if pruned is not None else Place(), head or Place()]
        return max(known, key=lambda place: place.n)

    def _write(self, lines: bytes) -> None:
        known = segments(self._prefix, _SUFFIX)
        number, path = known[-1] if known else (1, segment(self._prefix, 1, _SUFFIX))
        if known and path.stat().st_size + len(lines) > self._segment_bytes:
            path = segment(self._prefix, number + 1, _SUFFIX)
        if path.exists() and not _ends_whole(path):
            lines = b"\n" + lines  # a crash cut the last line: the next stands alone
        growing = Growing(path)
        try:
            growing.write(lines)
            growing.sync()
        finally:
            growing.close()

    def _stamped(self, place: Place) -> Checkpoint:
        name = self._key.name if self._key is not None else ""
        seal = seal_of(place, self._key)
        return Checkpoint(n=place.n, hash=place.hash, at=datetime.now(UTC), key=name, seal=seal)

    def _pruned(self) -> Checkpoint | None:
        try:
            lines = (self._folder / _CHECKPOINTS).read_bytes().splitlines()
            return Checkpoint.model_validate_json(lines[-1]) if lines else None
        except (FileNotFoundError, ValidationError):
            return None

    def _known_head(self) -> Place | None:
        try:
            known = json.loads(self._head.read_bytes())
            return Place(int(known["n"]), str(known["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _keep_head(self, place: Place) -> None:
        self._head.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._head.with_suffix(".part")
        draft.write_text(json.dumps({"n": place.n, "hash": place.hash}))
        draft.replace(self._head)


def _note_call(calls: dict[str, Any], kind: str, data: Mapping[str, Any]) -> None:
    if kind == CALL:
        calls[data.get("call_id", "")] = data
    elif kind == KEPT:
        known = calls.get(data.get("call_id", ""), {})
        # what was written anew, and what has not gone of the rest
        away = {_REWRITTEN, *data.get("gone", ())}
        left = {name: sha for name, sha in known.get("files", {}).items() if name not in away}
        calls[data.get("call_id", "")] = {**known, "files": left | data.get("files", {})}
    elif kind == GONE:
        for call_id in data.get("calls", ()):
            calls.pop(call_id, None)


def _with(verdict: Verdict, problem: Problem | None, warning: str) -> Verdict:
    return replace(
        verdict,
        problems=(problem, *verdict.problems) if problem is not None else verdict.problems,
        warnings=(*verdict.warnings, warning) if warning else verdict.warnings,
    )


def _last_entry(path: Path) -> dict[str, Any] | None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        for line in reversed(file.read().splitlines()):
            if (entry := parse(line)) is not None:
                return entry
    return None


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _append(path: Path, line: bytes) -> None:
    growing = Growing(path)
    try:
        growing.write(line)
        growing.sync()
    finally:
        growing.close()
