"""Pruning: what is past its time goes, by rule, a few calls at a time, beside the loop."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from sipagent.api.keeping import PrunedView
from sipagent.call.cdr import fold
from sipagent.config import Retention
from sipagent.config.retention import KINDS, Kind, length_of
from sipagent.errors import SipAgentError
from sipagent.events import Event, RecordsPruned, SipMessage, personal_fields
from sipagent.store.bundle import CALL, SUMMARY, TIMELINE, write_bundle
from sipagent.store.chain_file import GONE, KEPT
from sipagent.store.fingerprint import fingerprint
from sipagent.store.models import MODELS
from sipagent.store.removal import Removal
from sipagent.store.tolls import TollBook
from sipagent.store.vault import Files

from .chronicle import Chronicle

log = structlog.get_logger(__name__)
#: what a bundle's sound is in, sealed or not
SOUNDS = frozenset({".wav", ".mp3", ".mp4", ".ogg", ".opus", ".flac", ".m4a", ".aac"})
#: work and rest: at most half of one thread's time, and never long without a look at the clock
_REST = 1.0
#: of several nodes each looks at calls it has folders of; so much later one looks at the rest
_GRACE = timedelta(days=1)


class Gone(Protocol):
    """Whoever keeps something of a call elsewhere: it is told what goes here."""

    async def gone(self, call_id: str, kind: Kind) -> None:
        """That kind of data of a call is past its time. Raises SipAgentError, OSError: it is asked
        again at the next look.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """Where things are: folders of bundles and of made speech, and the database."""

    bundles: Path
    speech: Path
    files: Files
    removal: Removal
    tolls: TollBook


@dataclass(slots=True)
class Look:
    """One look at all of it, and what came of it so far."""

    at: datetime
    counts: Counter[str] = field(default_factory=Counter)
    freed: int = 0
    problems: list[str] = field(default_factory=list)


class Pruning:
    """Safe to stop at any moment: what is done is marked, the rest is due the next time. `busy`
    are calls whose bundle is not whole yet.
    """

    def __init__(
        self,
        rules: Callable[[], Retention],
        kept: Kept,
        chronicle: Chronicle,
        busy: Callable[[], Collection[str]],
    ) -> None:
        self._rules = rules
        self._kept = kept
        self._removal = kept.removal
        self._chronicle = chronicle
        self._busy = busy
        #: told of each call before its mark is set
        self.others: list[Gone] = []
        #: in a cluster: is it this node that sees to calls of which nobody has a folder?
        self.leads: Callable[[], bool] | None = None

    async def due(self, at: datetime) -> Mapping[Kind, int]:
        """Calls by kind that a look at that moment would find. Raises SipAgentError."""
        return await self._removal.due_counts(self._rules(), at)

    async def run(self, *, dry_run: bool = False) -> PrunedView:
        """One look. What fails is told in `problems`, and tried again at the next."""
        now = datetime.now(UTC)
        if dry_run:
            due: dict[str, int] = {kind: n for kind, n in (await self.due(now)).items() if n}
            return PrunedView(at=now, dry_run=True, counts=due)
        look = Look(now)
        try:
            for kind in reversed(KINDS):  # the whole of a call before parts of it
                await self._kind(kind, look)
            look.counts.update(await self._others(now))
        except (SipAgentError, OSError) as error:
            look.problems.append(str(error))
        unused = 0
        if look.counts.total():
            with suppress(SipAgentError):  # the log is emptied by the next
                unused = (await self._removal.settle()).unused
        for problem in look.problems:
            log.warning("not_pruned", cause=problem)
        return PrunedView(
            at=now,
            counts={name: count for name, count in look.counts.items() if count},
            bytes_freed=look.freed,
            database_unused=unused,
            problems=tuple(look.problems),
        )

    async def _kind(self, kind: Kind, look: Look) -> None:
        """Everything of one kind that is past its time."""
        await self._pass(kind, look, look.at, here=self.leads is not None)
        if self.leads is not None and self.leads():
            # whose folder is nowhere any more, once every node had the time to look at its own
            await self._pass(kind, look, look.at - _GRACE, here=False)

    async def _pass(self, kind: Kind, look: Look, at: datetime, *, here: bool) -> None:
        """With `here` only calls whose folder is on this node."""
        after = None
        while found := await self._removal.due(kind, self._rules(), at, after):
            after = found[-1]
            busy, done = self._busy(), list[str]()
            for _, call_id in found:
                if call_id in busy or (here and not (self._kept.bundles / call_id).is_dir()):
                    continue
                began = time.monotonic()
                try:
                    look.freed += await self._call(call_id, kind)
                    done.append(call_id)
                except (SipAgentError, OSError, ValueError) as error:
                    look.problems.append(f"{kind} of {call_id}: {error}")
                await asyncio.sleep(min(_REST, time.monotonic() - began))
            if kind == "records":
                await self._removal.delete(done)
                if done:
                    self._chronicle.put(GONE, calls=done, why="retention")
            else:
                await self._removal.mark(done, kind)
            look.counts[kind] += len(done)

    async def _call(self, call_id: str, kind: Kind) -> int:
        """Take one kind of data out of a call, but for its mark; bytes of files."""
        folder = self._kept.bundles / call_id
        if folder.parent != self._kept.bundles:
            raise ValueError("an id that is no name of a folder")
        for other in self.others:
            await other.gone(call_id, kind)
        if kind == "records":
            return await asyncio.to_thread(_remove_folder, folder)
        events: Sequence[Event] = ()
        if kind != "models":
            events = await self._removal.rewrite(call_id, _WITHOUT[kind])
        known = self._kept.files
        freed = await asyncio.to_thread(_thin, folder, kind, events, known)
        if events:
            record = fold(events)
            # sound stays as it was, or goes: it need not be read again
            written = record.model_copy(update={"recordings": ()})
            files = await asyncio.to_thread(fingerprint, folder, written, known)
            gone = record.recordings if kind == "recordings" else ()
            self._chronicle.put(KEPT, call_id=call_id, without=kind, files=files, gone=list(gone))
        return freed

    async def _others(self, now: datetime) -> Mapping[str, int]:
        rules, counts = self._rules(), dict[str, int]()
        if (length := length_of(rules.tolls)) is not None:
            counts["tolls"] = await self._kept.tolls.prune((now - length).date())
        if (length := length_of(rules.speech)) is not None:
            before = (now - length).timestamp()
            counts["speech"] = await asyncio.to_thread(_unheard, self._kept.speech, before)
        if (length := length_of(rules.audit)) is not None:
            counts["audit"] = await asyncio.to_thread(self._chronicle.file.prune, now - length)
        return counts


def wordless(event: Event) -> Event:
    """Without what a person said, pressed or was told."""
    fields = personal_fields(type(event))
    return event.model_copy(
        update={
            name: "" if isinstance(value, str) else {}
            for name in fields
            if (value := getattr(event, name)) is not None
        }
    )


def is_sound(name: str) -> bool:
    """By its suffix, sealed or not."""
    return not SOUNDS.isdisjoint(Path(name).suffixes)


def rungless(event: Event) -> Event | None:
    """Nothing for a SIP message."""
    return None if isinstance(event, SipMessage) else event


#: what is left of an event
_WITHOUT: Mapping[Kind, Callable[[Event], Event | None]] = {
    "recordings": lambda event: event,
    "transcripts": wordless,
    "ladders": rungless,
}


def told(view: PrunedView) -> Iterator[RecordsPruned]:
    """What went, for the log and whoever listens."""
    for n, (kind, count) in enumerate(view.counts.items()):
        freed = view.bytes_freed if n == 0 else 0
        yield RecordsPruned(call_id="", kind=kind, count=count, bytes_freed=freed)


def _thin(folder: Path, kind: Kind, events: Sequence[Event], files: Files) -> int:
    """Take one kind out of a bundle; bytes. Raises OSError, ValueError."""
    before = _size(folder)
    if kind == "recordings":
        for path in _sounds(folder):
            path.unlink(missing_ok=True)
    if kind in ("models", "transcripts"):
        (folder / MODELS).unlink(missing_ok=True)
    if kind == "transcripts":
        (folder / SUMMARY).unlink(missing_ok=True)
    if events and (folder / CALL).exists():
        (folder / TIMELINE).unlink(missing_ok=True)
        write_bundle(folder, events, files=files)
    return max(0, before - _size(folder))


def _sounds(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*") if folder.is_dir() else ():
        if is_sound(path.name):
            yield path


def _remove_folder(folder: Path) -> int:
    size = _size(folder)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    return size


def _size(folder: Path) -> int:
    sizes = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes


def _unheard(folder: Path, before: float) -> int:
    gone = 0
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                gone += 1
    return gone
