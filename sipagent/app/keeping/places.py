"""Places: files of ours that keep something of callers; each is a place of `Traces`."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from sipagent.app.hooks import Webhooks
from sipagent.app.live import Live
from sipagent.edge.revival import BINDING
from sipagent.errors import SipAgentError
from sipagent.store.archive import BadArchive, read_archive
from sipagent.store.blanking import blank_lines, count_lines, replace_lines
from sipagent.store.journal import Journal
from sipagent.store.traces import Trace, Who

log = structlog.get_logger(__name__)


class Bundles:
    """The folders of their calls, and zips of them beside those."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        files = await asyncio.to_thread(lambda: sum(1 for _ in self._files(who)))
        return [Trace("bundles", "files", files)] if files else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        return await asyncio.to_thread(self._erased, who)

    def _erased(self, who: Who) -> int:
        count = sum(1 for path in self._files(who) if path.is_file())
        for path in list(self._zips(who)):
            path.unlink(missing_ok=True)
        for folder in self._folders(who):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        return count

    def _files(self, who: Who) -> Iterator[Path]:
        yield from self._zips(who)
        for folder in self._folders(who):
            yield from (path for path in folder.rglob("*") if path.is_file())

    def _folders(self, who: Who) -> Iterator[Path]:
        for call_id in sorted(who.calls):
            folder = self._folder / call_id
            # an id of a call is a name, never a path
            if folder.parent == self._folder and folder.is_dir():
                yield folder

    def _zips(self, who: Who) -> Iterator[Path]:
        for path in self._folder.glob("*.zip"):
            try:
                theirs = read_archive(path).index.call_id in who.calls
            except (BadArchive, OSError) as error:
                log.warning("zip_not_searched", path=str(path), cause=str(error))
                continue
            if theirs:
                yield path


class Lines:
    """Files of lines somebody may be adding to: those of their calls are overwritten in place."""

    def __init__(self, place: str, files: Callable[[], Sequence[Path]]) -> None:
        self._place = place
        self._files = files

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        theirs = of_calls(who)
        count = sum([await asyncio.to_thread(count_lines, path, theirs) for path in self._files()])
        return [Trace(self._place, "lines", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        theirs = of_calls(who)
        return sum([await asyncio.to_thread(blank_lines, path, theirs) for path in self._files()])


def of_calls(who: Who) -> Callable[[bytes], bool]:
    """Is a line of JSON an event of one of their calls, alone or with its position?"""

    def theirs(line: bytes) -> bool:
        with suppress(ValueError, AttributeError):
            said = json.loads(line)
            return said.get("event", said).get("call_id") in who.calls
        # a line a crash cut: whatever names them in it
        return who.concerns(line.decode("utf-8", "replace"))

    return theirs


class AuditLines:
    """`audit.jsonl`: who did what stays; numbers in how it came out are masked."""

    def __init__(self, path: Path) -> None:
        self._paths = (path, path.with_name(f"{path.name}.1"))

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""

        def named(line: bytes) -> bool:
            return who.in_(line.decode("utf-8", "replace"))

        count = sum([await asyncio.to_thread(count_lines, path, named) for path in self._paths])
        return [Trace("audit.jsonl", "mentions", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""

        def masked(line: bytes) -> bytes:
            # bytes stand for themselves, so that the length stays
            text = line.decode("latin-1")
            return who.masked(text).encode("latin-1")

        return sum([await asyncio.to_thread(replace_lines, path, masked) for path in self._paths])


class JournalLines:
    """The state of a server: lines of what is over go; what is not over is refused. Where a phone
    of ours is registered stays: it is the phone's, and goes with its registration.
    """

    def __init__(self, path: Path, journal: Journal) -> None:
        self._path = path
        self._journal = journal

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        count = await asyncio.to_thread(count_lines, self._path, self._theirs(who))
        return [Trace("state", "lines", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        theirs = self._theirs(who)
        count = await asyncio.to_thread(count_lines, self._path, theirs)
        if any(theirs(line) for line in facts(self._journal)):
            raise SipAgentError("a call of theirs is just being ended; ask again in a minute")
        if count:
            self._journal.compact()
        return count

    @staticmethod
    def _theirs(who: Who) -> Callable[[bytes], bool]:
        def theirs(line: bytes) -> bool:
            return b'"k":"%s"' % BINDING.encode() not in line and who.concerns(
                line.decode("utf-8", "replace")
            )

        return theirs


def facts(journal: Journal) -> Iterator[bytes]:
    """The lines of what is known now."""
    for kind in {kind for kind, _ in journal.places}:
        for fact in journal.all(kind).values():
            yield fact.line


class HookSpools:
    """What waits for the receivers of webhooks, and what they have but still stands on disk."""

    def __init__(self, hooks: Webhooks) -> None:
        self._hooks = hooks

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        theirs = of_spool(who)
        count = sum([await courier.count(theirs) for courier in self._hooks.couriers])
        return [Trace("webhooks", "events", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        theirs = of_spool(who)
        return sum([await courier.erase(theirs) for courier in self._hooks.couriers])


class SpoolFiles:
    """The same while no server runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        count = sum(
            [
                await asyncio.to_thread(count_lines, path, of_spool(who))
                for path in self._folder.glob("*.spool")
            ]
        )
        return [Trace("webhooks", "events", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        return sum(
            [
                await asyncio.to_thread(blank_lines, path, of_spool(who))
                for path in self._folder.glob("*.spool")
            ]
        )


def of_spool(who: Who) -> Callable[[bytes], bool]:
    """Is a line (id, call, time, body, with tabs between) of one of their calls, or, of none, about
    them?
    """

    def theirs(line: bytes) -> bool:
        fields = line.split(b"\t", 3)
        call_id = fields[1].decode("utf-8", "replace") if len(fields) > 1 else ""
        return call_id in who.calls or (not call_id and who.in_(line.decode("utf-8", "replace")))

    return theirs


class SpeechFiles:
    """The speech cache: which words a file says is not known. So all go that were made, or heard,
    since the first call of theirs began; they are made again when they are needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        count = len(await asyncio.to_thread(lambda: list(self._files(who))))
        return [Trace("speech cache", "files", count)] if count else []

    async def erase(self, who: Who) -> int:
        """See `Traces`."""

        def gone() -> int:
            # also what was heard meanwhile: it may have been made for them
            files = list(self._files(replace(who, until=None)))
            for path in files:
                path.unlink(missing_ok=True)
            return len(files)

        return await asyncio.to_thread(gone)

    def _files(self, who: Who) -> Iterator[Path]:
        if who.since is None:
            return
        until = float("inf") if who.until is None else who.until
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):
                if who.since <= path.stat().st_mtime <= until:
                    yield path


class Remembered:
    """What this process has in memory for streams and lists."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`. Nothing of it is in files of ours."""
        return ()

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        self._live.forget(who.calls)
        return 0
