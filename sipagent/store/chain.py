"""Chain: entries each of which holds the hash of the one before it, and what is wrong with some.
Pure.

An entry's hash is SHA-256 over its canonical JSON (keys sorted, no spaces, UTF-8, without `hash`);
with a key it is HMAC-SHA-256 (RFC 2104). Once entries are keyed none without a key follows.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: what the first entry of all holds in place of a hash
NOTHING = "0" * 64


@dataclass(frozen=True, slots=True)
class Key:
    """A secret, and the name of it that stands in entries: it tells nothing of the secret."""

    secret: bytes
    name: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hmac.digest(self.secret, b"sipagent audit chain", "sha256")
        object.__setattr__(self, "name", digest.hex()[:16])


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a chain: the number of an entry and its hash. 0 is before the first."""

    n: int = 0
    hash: str = NOTHING


@dataclass(frozen=True, slots=True)
class Problem:
    """`n` is the entry it begins with."""

    n: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`first` and `last` are numbers of entries that are there, 0 without any."""

    first: int
    last: int
    entries: int
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def linked(
    last: Place, kind: str, at: str, data: Mapping[str, Any], key: Key | None
) -> tuple[bytes, Place]:
    """The next entry as a line, and where the chain ends then."""
    entry: dict[str, Any] = {"n": last.n + 1, "at": at, "kind": kind, "data": data}
    entry |= {"prev": last.hash, "key": key.name if key is not None else ""}
    entry["hash"] = hash_of(entry, key)
    return _canonical(entry) + b"\n", Place(last.n + 1, entry["hash"])


def hash_of(entry: Mapping[str, Any], key: Key | None) -> str:
    """What `hash` of an entry has to be."""
    text = _canonical({name: value for name, value in entry.items() if name != "hash"})
    if key is None:
        return hashlib.sha256(text).hexdigest()
    return hmac.digest(key.secret, text, "sha256").hex()


def digest_of(data: Any) -> str:
    """SHA-256 over the canonical JSON of something."""
    return hashlib.sha256(_canonical(data)).hexdigest()


def seal_of(place: Place, key: Key | None) -> str:
    """By what a checkpoint that was kept elsewhere is known as ours; empty without a key."""
    if key is None:
        return ""
    return hmac.digest(key.secret, f"{place.n} {place.hash}".encode(), "sha256").hex()


def parse(line: bytes) -> dict[str, Any] | None:
    """An entry; None for what is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("n"), int):
        return None
    texts = (entry.get(name) for name in ("at", "kind", "prev", "key", "hash"))
    return entry if all(isinstance(text, str) for text in texts) else None


class Verifier:
    """Is fed the lines of a chain in order, from `begin` on; stops to look at its first fault:
    what follows one cannot be judged but for itself.
    """

    def __init__(self, keys: Sequence[Key] = (), begin: Place | None = None) -> None:
        """`begin` is where what was pruned ends; None: the first entry there is says so itself."""
        self._keys = {key.name: key for key in keys}
        self._last = begin
        self._first = self._count = 0
        self._keyed = False
        #: a line that is none, which may be one that a crash cut
        self._cut = 0
        self._problems: list[Problem] = []
        self._warnings: list[str] = []
        #: numbers that were passed over where the first fault is, and what stood there
        self._gap = range(0)
        self._after_gap = 0

    def feed(self, line: bytes, wanted: Mapping[int, str] | None = None) -> None:
        """The next line. `wanted` are hashes that entries must have."""
        if not line.strip():
            return
        entry = parse(line)
        if entry is None:
            self._cut += 1
            return
        self._count += 1
        n = entry["n"]
        last = self._last if self._last is not None else Place(n - 1, entry["prev"])
        if self._problems:
            self._came_late(n)
        else:
            why = self._follows(entry, last) or self._is_whole(entry)
            if why:
                self._problems.append(Problem(min(n, last.n + 1), why))
            elif wanted and wanted.get(n, entry["hash"]) != entry["hash"]:
                self._problems.append(Problem(n, f"entry {n} is another one than it was"))
            elif self._cut:
                self._warnings.append(f"half a line before entry {n}: a crash cut it")
        self._cut = 0
        self._first = self._first or n
        self._keyed = self._keyed or bool(entry["key"])
        self._last = Place(n, entry["hash"])

    def feed_all(self, lines: Iterable[bytes], wanted: Mapping[int, str] | None = None) -> None:
        """Several."""
        for line in lines:
            self.feed(line, wanted)

    def verdict(self, head: Place | None = None) -> Verdict:
        """All in all. `head` is where the chain is known to have ended at least."""
        last = self._last or Place()
        problems = list(self._problems)
        if self._cut and not problems:
            self._warnings.append(f"half a line after entry {last.n}: a crash cut it")
        if head is not None and not problems and head.n > last.n:
            gone = f"entry {last.n + 1} is gone" if head.n == last.n + 1 else (
                f"entries {last.n + 1} to {head.n} are gone"
            )  # fmt: skip
            problems.append(Problem(last.n + 1, f"{gone}: the end was cut off"))
        if head is not None and not problems and head.n == last.n and head.hash != last.hash:
            problems.append(Problem(last.n, f"entry {last.n} is another one than it was"))
        return Verdict(
            self._first, last.n if self._count else 0, self._count, tuple(problems),
            tuple(self._warnings),
        )  # fmt: skip

    def _came_late(self, n: int) -> None:
        """What seemed gone was moved."""
        if n in self._gap:
            what = f"entry {n} stands behind entry {self._after_gap}: they were reordered"
            self._problems[0] = Problem(self._problems[0].n, what)
            self._gap = range(0)

    def _follows(self, entry: Mapping[str, Any], last: Place) -> str:
        """Why it does not stand where it should."""
        n, expected = entry["n"], last.n + 1
        if n > expected:
            self._gap, self._after_gap = range(expected, n), n
            cut = "; a line there cannot be read" if self._cut else ""
            many = f"entries {expected} to {n - 1} are" if n - 1 > expected else (
                f"entry {expected} is"
            )  # fmt: skip
            return f"{many} gone{cut}"
        if n < expected:
            return f"entry {n} stands behind entry {last.n}: moved, or put in"
        if entry["prev"] != last.hash:
            return f"entry {n} does not follow entry {n - 1}: one of them was put in or made anew"
        return ""

    def _is_whole(self, entry: Mapping[str, Any]) -> str:
        """Why it is not what was written."""
        n, name = entry["n"], entry["key"]
        if not name:
            if self._keyed:
                return f"entry {n} has no key, though entries before it have"
            if hash_of(entry, None) == entry["hash"]:
                return ""
        elif name not in self._keys:
            if self._keys:
                return f"entry {n} was signed by a key that is not given"
            note = "signatures were not looked at: set audit.key_env, and its variables"
            if note not in self._warnings:
                self._warnings.append(note)
            return ""
        elif hmac.compare_digest(hash_of(entry, self._keys[name]), entry["hash"]):
            return ""
        return f"entry {n} was changed"


def _canonical(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
